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
import { Reweighted, servingFactor, weightOf, weightProblem } from './weight.ts';

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
  readonly weight: number;
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
  readonly #contributions = new WeakMap<AllocationView, { weight: number; contribution: Contribution }>();
  readonly #targets = new SharedTargets();
  /** What `target` gathers; kept for the next time. */
  readonly #parts: Nexthop[] = [];
  /** Warnings already told, by pod: told once per allocation, not per pass. */
  readonly #told = new Map<string, { allocation: AllocationView; messages: Set<string> }>();
  readonly #reweighted = new Reweighted();
  /** Those that drain by weight, and leave when their time comes. */
  readonly #draining = new Set<Stand>();
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

  /** When the next drain by weight ends, in milliseconds of the clock; infinity when there is none. */
  get nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { drainUntil = next } of this.#draining) next = Math.min(next, drainUntil);
    return next;
  }

  /** @returns destinations that pods leave whose drain by weight has ended by `now` */
  endDrains(now: number): Destination[] {
    const left: Destination[] = [];
    for (const stand of this.#draining) {
      if ((stand.drainUntil ?? now) > now) continue;
      this.#draining.delete(stand);
      left.push(...stand.nexthops.keys());
    }
    return left;
  }

  /** What is wanted for one destination: who serves it, beside those that drain by weight; or who drains it. */
  target(destination: Destination): DesiredTarget {
    const stands = this.#servers.get(destination);
    if (stands === undefined) return nobody;
    const drains = stands.every(isDraining);
    const factor = drains ? 1 : this.#servingFactor(stands);
    const parts = this.#parts;
    parts.length = 0;
    let holdUntil = 0;
    let hash = 0;
    for (let at = 0; at < stands.length; at++) {
      const stand = stands[at] as Stand;
      const { id, weight, nexthops, drainUntil } = stand;
      const isLeaving = !drains && drainUntil !== undefined;
      if (isLeaving && !this.#draining.has(stand)) continue;
      const own = nexthops.get(destination) as Nexthop;
      const nexthop = factor === 1 ? own : this.#reweighted.get(own, isLeaving ? 1 : weight * factor);
      parts.push(nexthop);
      hash = Math.imul(hash ^ (id + nexthop.via.length), 0x01000193);
      if (drainUntil !== undefined && drainUntil > holdUntil) holdUntil = drainUntil;
    }
    return this.#targets.get(parts, hash, drains ? holdUntil : undefined);
  }

  /** By what the weights of those that serve are multiplied: more than 1 while others drain by weight. */
  #servingFactor(stands: readonly Stand[]): number {
    if (this.#draining.size === 0 || !stands.some(stand => this.#draining.has(stand))) return 1;
    const serving = stands.filter(stand => !isDraining(stand));
    return servingFactor(Math.max(...serving.map(({ weight }) => weight)));
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
    const weight = weightOf(pod);
    const { nexthops, warnings } = this.#contributionOf(key, allocation, weight);
    const drainUntil = phase.kind === 'serving' ? undefined : (before?.drainUntil ?? now + phase.forMs);
    const unchanged = before?.nexthops === nexthops && before.drainUntil === drainUntil;
    const stand = unchanged ? before : { id: ++this.#lastId, uid: pod.uid, weight, nexthops, drainUntil };
    const wishes = [
      [
        wishProblem(pod, this.#policy),
        'give a number of seconds within the longest allowed (drain.longestMs)',
      ],
      [weightProblem(pod), 'give a whole number, or take the annotation away'],
    ] as const;
    const unheard = wishes.flatMap(([message, remedy]) =>
      message === undefined ? [] : [{ key, message, value: message, remedy }],
    );
    return { stand, warnings: unheard.length === 0 ? warnings : [...warnings, ...unheard] };
  }

  #contributionOf(key: string, allocation: AllocationView, weight: number): Contribution {
    const known = this.#contributions.get(allocation);
    if (known?.weight === weight) return known.contribution;
    const contribution = contributionOf(key, allocation, weight);
    this.#contributions.set(allocation, { weight, contribution });
    return contribution;
  }

  /** Puts one stand of a pod in the place of another. @returns destinations where the two differ */
  #change(before: Stand | undefined, stand: Stand | undefined): Destination[] {
    const touched: Destination[] = [];
    if (before !== undefined) this.#draining.delete(before);
    if (stand?.drainUntil !== undefined && this.#policy.byWeight) this.#draining.add(stand);
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
  return (
    left.interface === right.interface &&
    left.via === right.via &&
    left.weight === right.weight &&
    left.onlink === right.onlink
  );
}
