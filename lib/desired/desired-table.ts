/**
 * The desired set kept current pod by pod, so that one pod's flip costs what that pod touches, not the table.
 * `resolveAnycastTargets` is the same from nothing; tests hold the two against each other.
 */
import type { Destination } from '../address.ts';
import { type DrainPolicy, phaseOf, wishProblem } from './drain.ts';
import {
  type AllocationView,
  type Contribution,
  contributionOf,
  isInForce,
  type Nexthop,
  type PodView,
  type ResolveWarning,
} from './resolve.ts';
import { type DesiredTarget, SharedTargets } from './shared-targets.ts';

export type { DesiredTarget } from './shared-targets.ts';

/** The same withdrawn, and forwarded on until `until`, in milliseconds of the clock: a node that drains. */
export function withdrawn({ nexthops, holdUntil }: DesiredTarget, until: number): DesiredTarget {
  return { nexthops, holdUntil: Math.min(holdUntil ?? Number.POSITIVE_INFINITY, until) };
}

/** One pod's part. */
interface Stand {
  /** Another for each. */
  readonly id: number;
  readonly uid: string;
  readonly nexthops: ReadonlyMap<Destination, Nexthop>;
  /** Undefined while it serves. */
  readonly drainUntil: number | undefined;
}

const nobody: DesiredTarget = { nexthops: [] };

export class DesiredTable {
  readonly #policy: DrainPolicy;
  readonly #stands = new Map<string, Stand>();
  /** Who has a part in each destination. */
  readonly #servers = new Map<Destination, Stand[]>();
  /** What an allocation comes to, worked out once. */
  readonly #contributions = new WeakMap<AllocationView, Contribution>();
  readonly #targets = new SharedTargets();
  /** What `target` gathers; kept for the next time. */
  readonly #parts: Nexthop[] = [];
  /** Warnings already told, by pod: told once per allocation, not per pass. */
  readonly #told = new Map<string, { allocation: AllocationView; messages: Set<string> }>();
  #lastId = 0;

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
    const touched = before === stand ? [] : this.#change(before, stand);
    if (stand === undefined) this.#stands.delete(key);
    else this.#stands.set(key, stand);
    return { touched, warnings: this.#untold(key, allocation, warnings) };
  }

  /** What is wanted for one destination: who serves it, or when nobody does, who drains. */
  target(destination: Destination): DesiredTarget {
    const stands = this.#servers.get(destination);
    if (stands === undefined) return nobody;
    const drains = stands.every(isDraining);
    const parts = this.#parts;
    parts.length = 0;
    let holdUntil = 0;
    let hash = 0;
    for (let at = 0; at < stands.length; at++) {
      const { id, nexthops, drainUntil } = stands[at] as Stand;
      if (!drains && drainUntil !== undefined) continue;
      const nexthop = nexthops.get(destination) as Nexthop;
      parts.push(nexthop);
      hash = Math.imul(hash ^ (id + nexthop.via.length), 0x01000193);
      if (drainUntil !== undefined && drainUntil > holdUntil) holdUntil = drainUntil;
    }
    return this.#targets.get(parts, hash, drains ? holdUntil : undefined);
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
    const { nexthops, warnings } = this.#contributionOf(key, allocation);
    const drainUntil = phase.kind === 'serving' ? undefined : (before?.drainUntil ?? now + phase.forMs);
    const unchanged = before?.nexthops === nexthops && before.drainUntil === drainUntil;
    const stand = unchanged ? before : { id: ++this.#lastId, uid: pod.uid, nexthops, drainUntil };
    const wish = wishProblem(pod, this.#policy);
    if (wish === undefined) return { stand, warnings };
    const remedy = 'give a number of seconds within the longest allowed (drain.longestMs)';
    const warning = { key, message: wish, value: wish, remedy };
    return { stand, warnings: [...warnings, warning] };
  }

  #contributionOf(key: string, allocation: AllocationView): Contribution {
    let contribution = this.#contributions.get(allocation);
    if (contribution === undefined) {
      contribution = contributionOf(key, allocation);
      this.#contributions.set(allocation, contribution);
    }
    return contribution;
  }

  /** Puts one stand of a pod in the place of another. @returns destinations where the two differ */
  #change(before: Stand | undefined, stand: Stand | undefined): Destination[] {
    const touched: Destination[] = [];
    if (before !== undefined) {
      for (const destination of before.nexthops.keys()) {
        if (stand?.nexthops.has(destination)) continue;
        this.#leave(destination, before);
        touched.push(destination);
      }
    }
    if (stand !== undefined) {
      for (const [destination, nexthop] of stand.nexthops) {
        const held = before?.nexthops.get(destination);
        if (before === undefined || held === undefined) this.#join(destination, stand);
        else this.#replace(destination, before, stand);
        const same =
          held !== undefined && sameNexthop(held, nexthop) && before?.drainUntil === stand.drainUntil;
        if (!same) touched.push(destination);
      }
    }
    return touched;
  }

  #join(destination: Destination, stand: Stand): void {
    const stands = this.#servers.get(destination);
    if (stands === undefined) this.#servers.set(destination, [stand]);
    else stands.push(stand);
  }

  #replace(destination: Destination, before: Stand, stand: Stand): void {
    const stands = this.#servers.get(destination) ?? [];
    stands[stands.indexOf(before)] = stand;
  }

  #leave(destination: Destination, stand: Stand): void {
    const stands = this.#servers.get(destination) ?? [];
    if (stands.length > 1) stands.splice(stands.indexOf(stand), 1);
    else this.#servers.delete(destination);
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

function isDraining({ drainUntil }: Stand): boolean {
  return drainUntil !== undefined;
}

function sameNexthop(left: Nexthop, right: Nexthop): boolean {
  return left.interface === right.interface && left.via === right.via && left.weight === right.weight;
}
