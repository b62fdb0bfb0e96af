/**
 * Which destinations lead through an interface. Those with the same set of nexthops are kept together, and the
 * sets by interface: a destination joins one set, however many nexthops that has.
 */
import type { RouteEntry } from './route-entry.ts';

export class InterfaceIndex<Interface, Nexthops> {
  readonly #interfacesOf: (nexthops: Nexthops) => Iterable<Interface>;
  readonly #entries = new Map<Nexthops, Set<RouteEntry>>();
  readonly #sets = new Map<Interface, Set<Nexthops>>();

  constructor(interfacesOf: (nexthops: Nexthops) => Iterable<Interface>) {
    this.#interfacesOf = interfacesOf;
  }

  /** @param nexthops never changed in place; equal sets are kept together where they are one object */
  add(entry: RouteEntry, nexthops: Nexthops): void {
    const entries = this.#entries.get(nexthops);
    if (entries !== undefined) {
      entries.add(entry);
      return;
    }
    this.#entries.set(nexthops, new Set([entry]));
    for (const its of this.#interfacesOf(nexthops)) {
      const sets = this.#sets.get(its);
      if (sets === undefined) this.#sets.set(its, new Set([nexthops]));
      else sets.add(nexthops);
    }
  }

  remove(entry: RouteEntry, nexthops: Nexthops): void {
    const entries = this.#entries.get(nexthops);
    if (entries === undefined || !entries.delete(entry) || entries.size > 0) return;
    this.#entries.delete(nexthops);
    for (const its of this.#interfacesOf(nexthops)) {
      const sets = this.#sets.get(its);
      sets?.delete(nexthops);
      if (sets?.size === 0) this.#sets.delete(its);
    }
  }

  /** Those that lead through an interface now, whatever happens to them meanwhile. */
  through(its: Interface): RouteEntry[] {
    const found: RouteEntry[] = [];
    for (const nexthops of this.#sets.get(its) ?? [])
      for (const entry of this.#entries.get(nexthops) ?? []) found.push(entry);
    return found;
  }
}
