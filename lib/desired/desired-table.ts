/**
 * The desired set kept current pod by pod, so that one pod's flip costs what that pod touches, not the table.
 * `resolveAnycastTargets` is the same from nothing; tests hold the two against each other.
 */
import type { Destination } from '../address.ts';
import {
  type AllocationView,
  canonicalNexthops,
  contributionOf,
  type Nexthop,
  type PodView,
  type ResolveWarning,
} from './resolve.ts';

export class DesiredTable {
  /** What each pod contributes now, by `namespace/name`. */
  readonly #contributions = new Map<string, ReadonlyMap<Destination, Nexthop>>();
  /** Which pods serve each destination. */
  readonly #servers = new Map<Destination, Set<string>>();
  /** Warnings already told, by pod: told once per allocation, not per pass. */
  readonly #told = new Map<string, { allocation: AllocationView; messages: Set<string> }>();

  /**
   * Takes one pod's present state in.
   *
   * @returns destinations that it served before, serves now, or serves differently, and warnings not told
   *   before about this allocation
   */
  update(
    key: string,
    allocation: AllocationView | undefined,
    pod: PodView | undefined,
  ): { touched: Destination[]; warnings: ResolveWarning[] } {
    const { nexthops, warnings } = contributionOf(key, allocation, pod);
    const before = this.#contributions.get(key);
    const touched: Destination[] = [];
    for (const destination of before?.keys() ?? []) {
      if (nexthops.has(destination)) continue;
      this.#leave(destination, key);
      touched.push(destination);
    }
    for (const [destination, nexthop] of nexthops) {
      const held = before?.get(destination);
      if (held === undefined) this.#join(destination, key);
      if (
        held?.interface !== nexthop.interface ||
        held.via !== nexthop.via ||
        held.weight !== nexthop.weight
      ) {
        touched.push(destination);
      }
    }
    if (nexthops.size > 0) this.#contributions.set(key, nexthops);
    else this.#contributions.delete(key);
    return { touched, warnings: this.#untold(key, allocation, warnings) };
  }

  /** The nexthops of one destination in canonical order; none when nobody serves it. */
  nexthops(destination: Destination): Nexthop[] {
    const servers = this.#servers.get(destination);
    if (servers === undefined) return [];
    const nexthops: Nexthop[] = [];
    for (const key of servers) {
      const nexthop = this.#contributions.get(key)?.get(destination);
      if (nexthop !== undefined) nexthops.push(nexthop);
    }
    return canonicalNexthops(nexthops);
  }

  /** Every destination that somebody serves. */
  destinations(): Iterable<Destination> {
    return this.#servers.keys();
  }

  /** Every pod that contributes, by `namespace/name`. */
  contributors(): Iterable<string> {
    return this.#contributions.keys();
  }

  #join(destination: Destination, key: string): void {
    const servers = this.#servers.get(destination);
    if (servers === undefined) this.#servers.set(destination, new Set([key]));
    else servers.add(key);
  }

  #leave(destination: Destination, key: string): void {
    const servers = this.#servers.get(destination);
    servers?.delete(key);
    if (servers?.size === 0) this.#servers.delete(destination);
  }

  #untold(
    key: string,
    allocation: AllocationView | undefined,
    warnings: readonly ResolveWarning[],
  ): ResolveWarning[] {
    if (allocation === undefined) {
      this.#told.delete(key);
      return [];
    }
    let told = this.#told.get(key);
    if (told?.allocation !== allocation) {
      if (warnings.length === 0) {
        this.#told.delete(key);
        return [];
      }
      told = { allocation, messages: new Set() };
      this.#told.set(key, told);
    }
    const { messages } = told;
    const untold = warnings.filter(({ message }) => !messages.has(message));
    for (const { message } of untold) messages.add(message);
    return untold;
  }
}
