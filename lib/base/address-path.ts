/** How this node reaches a unicast address, as far as a nexthop can be made of it. */

export type AddressPath =
  /** A neighbour on an interface: what a nexthop needs. */
  | { readonly kind: 'neighbour'; readonly interface: string }
  /** Some hops away: another node's. */
  | { readonly kind: 'gateway'; readonly interface: string; readonly gateway: string }
  /** An address of this node. */
  | { readonly kind: 'local' }
  /** Nowhere; why, in words. */
  | { readonly kind: 'none'; readonly reason: string };

/** What happened that paths may be others now. */
export interface PathChange {
  /** Addresses with a host route that came, changed or went; canonical. */
  readonly addresses: ReadonlySet<string>;
  /** Interfaces that came, changed or went, themselves or in their addresses. */
  readonly interfaces: ReadonlySet<string>;
  /** Nobody knows what: look everything up again. */
  readonly everything: boolean;
}

/** Whoever knows the ways. */
export interface PathFinder {
  /** From now on changes are told, and then paths can be asked for without missing one. */
  start(onChange: (change: PathChange) => void): Promise<void>;
  stop(): void;
  /** @param addresses canonical @returns a path each, in order */
  find(addresses: readonly string[]): Promise<AddressPath[]>;
  /** Whether an interface of this name is there and up. */
  isUsable(interfaceName: string): boolean;
}

export function samePath(left: AddressPath | undefined, right: AddressPath | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
