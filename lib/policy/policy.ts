/**
 * Which pod may use which anycast address. Pure.
 *
 * A pod requests its addresses itself, and the node then attracts all traffic for them, from the whole network. So
 * an address is refused unless an operator's pool grants it to this pod. Some are refused whatever a pool grants:
 * those of the node, of its peers and gateways, of the API server and of other pods, and reserved ones. What is not
 * known is refused. Where allocations are a CNI's own and there are no pools, only the second part holds.
 */
import { type Address, parseAddress, whyNotAnycast } from '../base/address.ts';
import { shortened } from '../base/quoted.ts';
import { isSelected, type LabelSelector } from './label-selector.ts';
import { isWithin, type Prefix, parsePrefix } from './prefix.ts';

/** Addresses, and which pods may use them. */
export interface AddressPool {
  readonly name: string;
  /** `ADDRESS/LENGTH`. */
  readonly cidrs: readonly string[];
  /** Namespaces that are named or selected are admitted. */
  readonly namespaces: {
    readonly names?: readonly string[] | undefined;
    readonly selector?: LabelSelector | undefined;
  };
  /** Names of service accounts in those namespaces; undefined admits all of them. */
  readonly serviceAccounts?: readonly string[] | undefined;
  /** No other pool can grant these addresses. */
  readonly exclusive: boolean;
}

/** What decides: what operators granted, and which addresses are in use for something else. */
export interface PolicyInput {
  /** Undefined: the source of the allocations decides who may use what, and only what can never be anycast is refused. */
  readonly pools: Iterable<AddressPool> | undefined;
  /** `ADDRESS/LENGTH` each. Undefined until an operator has set it: no pool is in force before that. */
  readonly reserved: readonly string[] | undefined;
  /** Canonical texts of single addresses that can never be anycast here. */
  readonly node: ReadonlySet<string>;
  readonly peers: ReadonlySet<string>;
  readonly gateways: ReadonlySet<string>;
  readonly apiServer: ReadonlySet<string>;
}

/** The pod that requests an address, by what the API server has verified and not by its annotations. */
export interface Claimant {
  readonly namespace: string;
  /** Undefined while the namespace is unknown: no selector selects it then. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  readonly serviceAccount: string;
}

export type RefusalReason =
  | 'NotAnAddress'
  | 'SpecialPurpose'
  | 'NodeAddress'
  | 'PeerAddress'
  | 'GatewayAddress'
  | 'ApiServerAddress'
  | 'PodAddress'
  | 'ReservedNotSet'
  | 'Reserved'
  | 'OutsidePools'
  | 'NotInPool'
  | 'ExclusiveTwice';

export interface Refusal {
  /** Stable, for events and alerts. */
  readonly reason: RefusalReason;
  /** As the pod requests it. */
  readonly address: string;
  readonly message: string;
  readonly remedy: string;
}

interface ParsedPool extends AddressPool {
  readonly prefixes: readonly Prefix[];
}

/** One state of the policy; another state is another object. */
export class AddressPolicy {
  readonly #pools: readonly ParsedPool[] | undefined;
  readonly #reserved: readonly { text: string; prefix: Prefix }[] | undefined;
  readonly #single: readonly [RefusalReason, string, ReadonlySet<string>][];

  constructor({ pools, reserved, node, peers, gateways, apiServer }: PolicyInput) {
    this.#pools = pools && Array.from(pools, pool => ({ ...pool, prefixes: pool.cidrs.map(parsePrefix) }));
    this.#reserved = reserved?.map(text => ({ text, prefix: parsePrefix(text) }));
    this.#single = [
      ['NodeAddress', 'an address of this node', node],
      ['PeerAddress', 'the address of a BGP peer', peers],
      ['GatewayAddress', 'the gateway of a route of this node', gateways],
      ['ApiServerAddress', 'the address of the API server', apiServer],
    ];
  }

  /**
   * @param request one address in any legal spelling; with a prefix length it is not an address
   * @param otherOwner gives another pod that has this unicast address
   * @returns why the claimant may not use it; undefined when it may
   */
  refusalOf(
    claimant: Claimant,
    request: string,
    otherOwner: (address: string) => string | undefined = () => undefined,
  ): Refusal | undefined {
    let address: Address;
    try {
      address = parseAddress(request);
    } catch (error) {
      return refusal(
        'NotAnAddress',
        shortened(request),
        (error as Error).message,
        'request single addresses, not prefixes',
      );
    }
    const text = shortened(request);
    return (
      this.#neverAnycast(address, text, otherOwner(address.text)) ??
      this.#notFromPools(claimant, address, text)
    );
  }

  /** Why no pool can grant it. */
  #neverAnycast(address: Address, text: string, owner: string | undefined): Refusal | undefined {
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
    if (owner !== undefined) {
      return refusal(
        'PodAddress',
        text,
        `${text} is the address of pod ${owner} and can not be anycast`,
        choose,
      );
    }
    if (this.#pools !== undefined && this.#reserved === undefined) {
      const message = `${text} is refused: no address is granted before reserved addresses are configured`;
      return refusal('ReservedNotSet', text, message, 'set spec.reserved of the NodeConfig "default"');
    }
    const reserved = this.#reserved?.find(({ prefix }) => isWithin(address, prefix));
    if (reserved === undefined) return undefined;
    return refusal('Reserved', text, `${text} is reserved: it is in ${reserved.text}`, choose);
  }

  #notFromPools(claimant: Claimant, address: Address, text: string): Refusal | undefined {
    if (this.#pools === undefined) return undefined;
    const holding = this.#pools.filter(({ prefixes }) => prefixes.some(prefix => isWithin(address, prefix)));
    if (holding.length === 0) {
      const remedy = 'choose an address of a pool, or add this one to an AnycastPool';
      return refusal('OutsidePools', text, `${text} is in no AnycastPool`, remedy);
    }
    const exclusive = holding.filter(pool => pool.exclusive);
    if (exclusive.length > 1) {
      const message = `${text} is in several exclusive pools: ${namesOf(exclusive)}`;
      return refusal('ExclusiveTwice', text, message, 'keep it in one exclusive AnycastPool only');
    }
    const deciding = exclusive.length > 0 ? exclusive : holding;
    if (deciding.some(pool => letsIn(pool, claimant))) return undefined;
    const { namespace, serviceAccount } = claimant;
    const who = `namespace ${namespace}, service account ${serviceAccount}`;
    const message = `${text} is not granted to ${who}: AnycastPool ${namesOf(deciding)} does not admit it`;
    return refusal(
      'NotInPool',
      text,
      message,
      'choose an address of a pool that admits this namespace and service account',
    );
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
