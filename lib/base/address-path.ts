/** How this node reaches a unicast address. Only a neighbour can become a nexthop. */

export type AddressPath =
  /** A neighbour on an interface. */
  | { readonly kind: 'neighbour'; readonly interface: string }
  /** It is reached through a gateway: an address of another node. */
  | { readonly kind: 'gateway'; readonly interface: string; readonly gateway: string }
  /** An address of this node. */
  | { readonly kind: 'local' }
  /** It is not reached. `reason` is for people. */
  | { readonly kind: 'none'; readonly reason: string };

/** A change of the kernel after which paths may differ. */
export interface PathChange {
  /** Addresses whose host route was added, changed or removed; canonical. */
  readonly addresses: ReadonlySet<string>;
  /** Interfaces that were added, changed or removed, or whose addresses were. */
  readonly interfaces: ReadonlySet<string>;
  /** Events were lost: any path may differ. */
  readonly everything: boolean;
}

/** Looks up paths. */
export interface PathFinder {
  /** Reports changes from now on. Paths found after it resolves are current until one is reported. */
  start(onChange: (change: PathChange) => void): Promise<void>;
  stop(): void;
  /** @param addresses canonical @returns a path each, in order */
  find(addresses: readonly string[]): Promise<AddressPath[]>;
  /** Whether an interface of this name exists and is up. */
  isUsable(interfaceName: string): boolean;
}

export function samePath(left: AddressPath | undefined, right: AddressPath | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
