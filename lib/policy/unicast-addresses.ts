/**
 * Whose unicast address an address is, among the pods of this node, kept current pod by pod. An address that a pod
 * requests for itself is not its unicast address: a runtime may report it among the addresses of the pod. Pure.
 */

export class UnicastAddresses {
  readonly #owners = new Map<string, Set<string>>();
  readonly #addresses = new Map<string, readonly string[]>();

  /**
   * @param key `namespace/name` of the pod
   * @param addresses all that it has now, canonical
   * @returns addresses that have come or gone
   */
  update(key: string, addresses: readonly string[]): string[] {
    const before = this.#addresses.get(key) ?? [];
    const gone = before.filter(address => !addresses.includes(address));
    const come = addresses.filter(address => !before.includes(address));
    for (const address of gone) {
      const owners = this.#owners.get(address);
      owners?.delete(key);
      if (owners?.size === 0) this.#owners.delete(address);
    }
    for (const address of come) {
      const owners = this.#owners.get(address) ?? new Set();
      this.#owners.set(address, owners.add(key));
    }
    if (addresses.length > 0) this.#addresses.set(key, addresses);
    else this.#addresses.delete(key);
    return [...gone, ...come];
  }

  /** Another pod than `key` that has the address; undefined when there is none. */
  otherOwner(address: string, key: string): string | undefined {
    for (const owner of this.#owners.get(address) ?? []) if (owner !== key) return owner;
    return undefined;
  }
}
