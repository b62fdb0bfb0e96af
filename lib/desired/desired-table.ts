/**
 * The desired set kept current pod by pod, so that one pod's flip costs what that pod touches, not the table.
 * `resolveAnycastTargets` is the same from nothing; tests hold the two against each other.
 */
import type { Destination } from '../address.ts';
import { type DrainPolicy, phaseOf, wishProblem } from './drain.ts';
import {
  type AllocationView,
  canonicalNexthops,
  contributionOf,
  isInForce,
  type Nexthop,
  type PodView,
  type ResolveWarning,
} from './resolve.ts';

/** What is wanted for one destination. */
export interface DesiredTarget {
  /** In canonical order; none when nobody serves it. */
  readonly nexthops: readonly Nexthop[];
  /**
   * Set when nobody takes new traffic: withdraw, and forward on until this time, in milliseconds of the clock.
   * A route that is not there is not made.
   */
  readonly holdUntil?: number;
}

/** The same withdrawn, and forwarded on until `until`, in milliseconds of the clock: a node that drains. */
export function withdrawn({ nexthops, holdUntil }: DesiredTarget, until: number): DesiredTarget {
  return { nexthops, holdUntil: Math.min(holdUntil ?? Number.POSITIVE_INFINITY, until) };
}

/** One pod's part. */
interface Stand {
  readonly uid: string;
  readonly nexthops: ReadonlyMap<Destination, Nexthop>;
  /** Undefined while it serves. */
  readonly drainUntil: number | undefined;
}

const nobody: DesiredTarget = { nexthops: [] };

export class DesiredTable {
  readonly #policy: DrainPolicy;
  readonly #stands = new Map<string, Stand>();
  /** Which pods have a part in each destination. */
  readonly #servers = new Map<Destination, Set<string>>();
  /** Warnings already told, by pod: told once per allocation, not per pass. */
  readonly #told = new Map<string, { allocation: AllocationView; messages: Set<string> }>();

  constructor(policy: DrainPolicy) {
    this.#policy = policy;
  }

  /**
   * Takes one pod's present state in.
   *
   * @param now the clock, in milliseconds; a drain begins when its cause is first seen
   * @returns destinations where its part changed, and warnings not told before about this allocation
   */
  update(
    key: string,
    allocation: AllocationView | undefined,
    pod: PodView | undefined,
    now: number,
  ): { touched: Destination[]; warnings: ResolveWarning[] } {
    const { stand, warnings } = this.#standOf(key, allocation, pod, now);
    const before = this.#stands.get(key);
    const touched: Destination[] = [];
    for (const destination of before?.nexthops.keys() ?? []) {
      if (stand?.nexthops.has(destination)) continue;
      this.#leave(destination, key);
      touched.push(destination);
    }
    for (const [destination, nexthop] of stand?.nexthops ?? []) {
      const held = before?.nexthops.get(destination);
      if (held === undefined) this.#join(destination, key);
      const same =
        held !== undefined && sameNexthop(held, nexthop) && before?.drainUntil === stand?.drainUntil;
      if (!same) touched.push(destination);
    }
    if (stand === undefined) this.#stands.delete(key);
    else this.#stands.set(key, stand);
    return { touched, warnings: this.#untold(key, allocation, warnings) };
  }

  /** What is wanted for one destination: who serves it, or when nobody does, who drains. */
  target(destination: Destination): DesiredTarget {
    const serving: Nexthop[] = [];
    const draining: Nexthop[] = [];
    let holdUntil = 0;
    for (const key of this.#servers.get(destination) ?? []) {
      const stand = this.#stands.get(key);
      const nexthop = stand?.nexthops.get(destination);
      if (stand === undefined || nexthop === undefined) continue;
      if (stand.drainUntil === undefined) serving.push(nexthop);
      else {
        draining.push(nexthop);
        holdUntil = Math.max(holdUntil, stand.drainUntil);
      }
    }
    if (serving.length > 0) return { nexthops: canonicalNexthops(serving) };
    return draining.length > 0 ? { nexthops: canonicalNexthops(draining), holdUntil } : nobody;
  }

  /** Every destination that somebody serves or drains. */
  destinations(): Iterable<Destination> {
    return this.#servers.keys();
  }

  #standOf(
    key: string,
    allocation: AllocationView | undefined,
    pod: PodView | undefined,
    now: number,
  ): { stand: Stand | undefined; warnings: readonly ResolveWarning[] } {
    const nothing = { stand: undefined, warnings: [] };
    if (allocation === undefined || pod === undefined || !isInForce(allocation, pod)) return nothing;
    const known = this.#stands.get(key);
    const before = known?.uid === pod.uid ? known : undefined;
    const phase = phaseOf(pod, before !== undefined, this.#policy);
    if (phase.kind === 'gone') return nothing;
    const { nexthops, warnings } = contributionOf(key, allocation);
    const drainUntil = phase.kind === 'serving' ? undefined : (before?.drainUntil ?? now + phase.forMs);
    const wish = wishProblem(pod, this.#policy);
    if (wish === undefined) return { stand: { uid: pod.uid, nexthops, drainUntil }, warnings };
    const remedy = 'give a number of seconds within the longest allowed (drain.longestMs)';
    const warning = { key, message: wish, value: wish, remedy };
    return { stand: { uid: pod.uid, nexthops, drainUntil }, warnings: [...warnings, warning] };
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
      told = { allocation, messages: new Set() };
      if (warnings.length > 0) this.#told.set(key, told);
      else this.#told.delete(key);
    }
    const { messages } = told;
    const untold = warnings.filter(({ message }) => !messages.has(message));
    for (const { message } of untold) messages.add(message);
    return untold;
  }
}

function sameNexthop(left: Nexthop, right: Nexthop): boolean {
  return left.interface === right.interface && left.via === right.via && left.weight === right.weight;
}
