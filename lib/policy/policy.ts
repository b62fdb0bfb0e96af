/**
 * Who may use which anycast address: what stands between a pod's author and everybody else's traffic. Pure.
 *
 * A pod names its addresses itself. The node then takes all traffic for them, from the whole network; so an
 * address is refused unless an operator's pool gives it to this pod, and some are refused whatever a pool says:
 * the node's own, its peers', the API server's, and what is reserved. In doubt the answer is no.
 */
import { type Address, parseAddress, whyNotAnycast } from '../base/address.ts';
import { isSelected, type LabelSelector } from './label-selector.ts';
import { isWithin, type Prefix, parsePrefix } from './prefix.ts';

/** Addresses, and who may use them. */
export interface AddressPool {
  readonly name: string;
  /** `ADDRESS/LENGTH`. */
  readonly cidrs: readonly string[];
  /** A namespace is let in that is named or selected. */
  readonly namespaces: {
    readonly names?: readonly string[] | undefined;
    readonly selector?: LabelSelector | undefined;
  };
  /** Names of service accounts in those namespaces; undefined lets all of them in. */
  readonly serviceAccounts?: readonly string[] | undefined;
  /** No other pool gives these addresses to anybody. */
  readonly exclusive: boolean;
}

export interface PolicyInput {
  readonly pools: Iterable<AddressPool>;
  /** `ADDRESS/LENGTH` each. Undefined until an operator has set it: no pool is honoured before. */
  readonly reserved: readonly string[] | undefined;
  /** Canonical texts of single addresses that can never be anycast here. */
  readonly node: ReadonlySet<string>;
  readonly peers: ReadonlySet<string>;
  readonly apiServer: ReadonlySet<string>;
}

/** Who asks: what the API server vouches for, not what the pod says of itself. */
export interface Claimant {
  readonly namespace: string;
  /** Of its namespace. Undefined while nobody has told of it: no selector selects it then. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  readonly serviceAccount: string;
}

export type RefusalReason =
  | 'NotAnAddress'
  | 'SpecialPurpose'
  | 'NodeAddress'
  | 'PeerAddress'
  | 'ApiServerAddress'
  | 'ReservedNotSet'
  | 'Reserved'
  | 'OutsidePools'
  | 'NotInPool'
  | 'ExclusiveTwice';

export interface Refusal {
  /** Stable, for events and alerts. */
  readonly reason: RefusalReason;
  /** As the pod gave it. */
  readonly address: string;
  readonly message: string;
  readonly remedy: string;
}

interface ParsedPool extends AddressPool {
  readonly prefixes: readonly Prefix[];
}

export class AddressPolicy {
  readonly #pools: readonly ParsedPool[];
  readonly #reserved: readonly { text: string; prefix: Prefix }[] | undefined;
  readonly #single: readonly [RefusalReason, string, ReadonlySet<string>][];

  constructor({ pools, reserved, node, peers, apiServer }: PolicyInput) {
    this.#pools = Array.from(pools, pool => ({ ...pool, prefixes: pool.cidrs.map(parsePrefix) }));
    this.#reserved = reserved?.map(text => ({ text, prefix: parsePrefix(text) }));
    this.#single = [
      ['NodeAddress', 'an address of this node', node],
      ['PeerAddress', 'the address of a BGP peer', peers],
      ['ApiServerAddress', 'the address of the API server', apiServer],
    ];
  }

  /**
   * @param text one address in any legal spelling; what has a prefix length is no address
   * @returns why the claimant may not use it; undefined when it may
   */
  refusalOf(claimant: Claimant, text: string): Refusal | undefined {
    let address: Address;
    try {
      address = parseAddress(text);
    } catch (error) {
      return refusal('NotAnAddress', text, (error as Error).message, 'give single addresses, no prefixes');
    }
    return this.#neverAnycast(address, text) ?? this.#notFromPools(claimant, address, text);
  }

  /** What no pool can give. */
  #neverAnycast(address: Address, text: string): Refusal | undefined {
    const special = whyNotAnycast(address);
    const choose = 'choose an address of a pool';
    if (special !== undefined) {
      return refusal('SpecialPurpose', text, `${text} is ${special} and can not be anycast`, choose);
    }
    for (const [reason, what, addresses] of this.#single) {
      if (addresses.has(address.text)) {
        return refusal(reason, text, `${text} is ${what} and can not be anycast`, choose);
      }
    }
    if (this.#reserved === undefined) {
      const message = `${text} is refused like every address: nobody has said which are reserved`;
      return refusal('ReservedNotSet', text, message, 'set spec.reserved of the NodeConfig "default"');
    }
    const reserved = this.#reserved.find(({ prefix }) => isWithin(address, prefix));
    if (reserved === undefined) return undefined;
    return refusal('Reserved', text, `${text} is reserved: it is in ${reserved.text}`, choose);
  }

  #notFromPools(claimant: Claimant, address: Address, text: string): Refusal | undefined {
    const holding = this.#pools.filter(({ prefixes }) => prefixes.some(prefix => isWithin(address, prefix)));
    if (holding.length === 0) {
      const remedy = 'choose an address of a pool, or add this one to an AnycastPool';
      return refusal('OutsidePools', text, `${text} is in no AnycastPool`, remedy);
    }
    const exclusive = holding.filter(pool => pool.exclusive);
    if (exclusive.length > 1) {
      const message = `${text} is in several exclusive pools: ${namesOf(exclusive)}`;
      return refusal('ExclusiveTwice', text, message, 'let one exclusive AnycastPool have it');
    }
    const deciding = exclusive.length > 0 ? exclusive : holding;
    if (deciding.some(pool => letsIn(pool, claimant))) return undefined;
    const { namespace, serviceAccount } = claimant;
    const who = `namespace ${namespace}, service account ${serviceAccount}`;
    const message = `${text} is not for ${who}: AnycastPool ${namesOf(deciding)} does not let it in`;
    return refusal('NotInPool', text, message, 'choose an address of a pool that lets this namespace in');
  }
}

function letsIn({ namespaces, serviceAccounts }: AddressPool, claimant: Claimant): boolean {
  const { names = [], selector } = namespaces;
  const { namespace, namespaceLabels, serviceAccount } = claimant;
  const isNamespaceSelected =
    selector !== undefined && namespaceLabels !== undefined && isSelected(namespaceLabels, selector);
  const isNamespaceIn = names.includes(namespace) || isNamespaceSelected;
  return isNamespaceIn && (serviceAccounts === undefined || serviceAccounts.includes(serviceAccount));
}

function namesOf(pools: readonly AddressPool[]): string {
  return pools
    .map(({ name }) => name)
    .sort()
    .join(', ');
}

function refusal(reason: RefusalReason, address: string, message: string, remedy: string): Refusal {
  return { reason, address, message, remedy };
}
