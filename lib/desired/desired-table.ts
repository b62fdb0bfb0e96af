/**
 * The desired set, updated pod by pod: the cost of one pod's change depends on that pod's destinations, not on the
 * size of the table. No I/O. `resolveAnycastTargets` computes the same set from scratch; tests compare the two.
 */
import { type Destination, familyOf } from '../base/address.ts';
import { shortened } from '../base/quoted.ts';
import { type Contribution, contributionOf, type Part, partsOf } from './contribution.ts';
import { type DrainPolicy, drainAnnotation, phaseOf, requestedDrainProblem } from './drain.ts';
import { Holds } from './holds.ts';
import { type DesiredTarget, SharedTargets } from './shared-targets.ts';
import { UnreportedWarnings } from './unreported-warnings.ts';
import {
  type AllocationView,
  isInForce,
  type Nexthop,
  type PodView,
  type ResolveWarning,
  sameNexthop,
} from './views.ts';
import { Reweighted, servingFactor, weightAnnotation, weightOf, weightProblem } from './weight.ts';

export type { DesiredTarget } from './shared-targets.ts';

/** For a node that drains: the same target, withdrawn, and forwarded until `until`, in milliseconds of the clock. */
export function withdrawn({ nexthops, holdUntil }: DesiredTarget, until: number): DesiredTarget {
  return { nexthops, holdUntil: Math.min(holdUntil ?? Number.POSITIVE_INFINITY, until) };
}

/** A pod's present state: immutable, replaced when the pod changes. */
interface PodState {
  /** Unique for each state. */
  readonly id: number;
  readonly uid: string;
  readonly weight: number;
  readonly contribution: Contribution;
  /** In milliseconds of the clock; undefined while the pod serves. */
  readonly drainUntil: number | undefined;
}

/** A pod that serves or drains destinations. */
interface Backend {
  state: PodState | undefined;
}

const noTarget: DesiredTarget = { nexthops: [] };
const none: ReadonlySet<Destination> = new Set();

/** Who serves and who drains each destination, by `namespace/name` of the pods. Pure: the time is passed in. */
export class DesiredTable {
  /** The pods that serve although they are not Ready, because that is not their own word. */
  readonly holds: Holds;
  readonly #policy: DrainPolicy;
  readonly #pods = new Map<string, Backend>();
  /** The pods that serve or drain each destination. */
  readonly #backends = new Map<Destination, Backend[]>();
  /** The contribution of each allocation, computed once. */
  readonly #contributions = new WeakMap<AllocationView, { weight: number; contribution: Contribution }>();
  readonly #targets = new SharedTargets();
  /** The nexthops that `target` collects; the array is used again. */
  readonly #parts: Nexthop[] = [];
  readonly #unreported = new UnreportedWarnings();
  readonly #reweighted = new Reweighted();
  /** The states of pods that drain by weight, until their `drainUntil`. */
  readonly #draining = new Set<PodState>();
  #lastId = 0;

  /** @param holds default: no pod is held */
  constructor(policy: DrainPolicy, holds = new Holds(0)) {
    this.#policy = policy;
    this.holds = holds;
  }

  /**
   * Updates one pod's state.
   *
   * @param now the clock, in milliseconds; a drain begins when its cause is first seen
   * @param inherited destinations that were announced before this program began: their pods were served
   * @returns destinations whose target may have changed, and warnings that did not stand before for this allocation
   */
  update(
    key: string,
    allocation: AllocationView | undefined,
    pod: PodView | undefined,
    now: number,
    inherited: ReadonlySet<Destination> = none,
  ): { touched: Destination[]; warnings: ResolveWarning[] } {
    const { state, warnings } = this.#stateOf(key, allocation, pod, now, inherited);
    const touched = this.#pods.get(key)?.state === state ? [] : this.#change(key, state);
    return { touched, warnings: this.#unreported.take(key, allocation, warnings) };
  }

  /** When the next drain by weight or hold ends, in milliseconds of the clock; infinity when there is none. */
  get nextDeadline(): number {
    let next = this.holds.nextDeadline;
    for (const { drainUntil = next } of this.#draining) next = Math.min(next, drainUntil);
    return next;
  }

  /** @returns the destinations of pods whose drain by weight has ended by `now` */
  endDrains(now: number): Destination[] {
    const left: Destination[] = [];
    for (const state of this.#draining) {
      if ((state.drainUntil ?? now) > now) continue;
      this.#draining.delete(state);
      for (const { destinations } of partsOf(state.contribution)) left.push(...destinations);
    }
    return left;
  }

  /**
   * The target of one destination: the pods that serve it, and those that drain by weight. When no pod serves it, the
   * pods that drain it.
   */
  target(destination: Destination): DesiredTarget {
    const backends = this.#backends.get(destination);
    if (backends === undefined) return noTarget;
    const family = familyOf(destination);
    const drains = backends.every(isDraining);
    const factor = drains ? 1 : this.#servingFactor(backends);
    const parts = this.#parts;
    parts.length = 0;
    let holdUntil = 0;
    let hash = 0;
    for (let at = 0; at < backends.length; at++) {
      const state = (backends[at] as Backend).state as PodState;
      const { id, weight, contribution, drainUntil } = state;
      const isLeaving = !drains && drainUntil !== undefined;
      if (isLeaving && !this.#draining.has(state)) continue;
      const { nexthop: own } = contribution[family] as Part;
      const nexthop = factor === 1 ? own : this.#reweighted.get(own, isLeaving ? 1 : weight * factor);
      parts.push(nexthop);
      hash = Math.imul(hash ^ (id + nexthop.via.length), 0x01000193);
      if (drainUntil !== undefined && drainUntil > holdUntil) holdUntil = drainUntil;
    }
    return this.#targets.get(parts, hash, drains ? holdUntil : undefined);
  }

  /** The factor for the weights of pods that serve: more than 1 while others drain by weight. */
  #servingFactor(backends: readonly Backend[]): number {
    if (
      this.#draining.size === 0 ||
      !backends.some(({ state }) => state !== undefined && this.#draining.has(state))
    )
      return 1;
    const serving = backends.filter(backend => !isDraining(backend));
    return servingFactor(Math.max(...serving.map(({ state }) => state?.weight ?? 1)));
  }

  /** Every destination that a pod serves or drains. */
  destinations(): Iterable<Destination> {
    return this.#backends.keys();
  }

  #stateOf(
    key: string,
    allocation: AllocationView | undefined,
    pod: PodView | undefined,
    now: number,
    inherited: ReadonlySet<Destination>,
  ): { state: PodState | undefined; warnings: readonly ResolveWarning[] | undefined } {
    const nothing = { state: undefined, warnings: undefined };
    if (allocation === undefined || pod === undefined || !isInForce(allocation, pod)) {
      this.holds.forget(key);
      return nothing;
    }
    const known = this.#pods.get(key)?.state;
    const before = known?.uid === pod.uid ? known : undefined;
    const weight = weightOf(pod);
    const contribution = this.#contributionOf(key, allocation, weight, known?.contribution);
    const served = before !== undefined || asksForAny(contribution, inherited);
    const isHeld = this.holds.isHeld(key, pod, served, now);
    const phase = phaseOf(pod, before !== undefined, this.#policy, isHeld);
    if (phase.kind === 'gone') return nothing;
    const { warnings } = contribution;
    const drainUntil = phase.kind === 'serving' ? undefined : (before?.drainUntil ?? now + phase.forMs);
    const unchanged = before?.contribution === contribution && before.drainUntil === drainUntil;
    const state = unchanged ? before : { id: ++this.#lastId, uid: pod.uid, weight, contribution, drainUntil };
    const annotations = [
      [
        drainAnnotation,
        requestedDrainProblem(pod, this.#policy),
        'set the annotation to a number of seconds, at most the longest allowed (drain.longestMs)',
      ],
      [
        weightAnnotation,
        weightProblem(pod),
        'set the annotation to a whole number in this range, or remove it',
      ],
    ] as const;
    const problems = annotations.flatMap(([annotation, message, remedy]) =>
      message === undefined
        ? []
        : [{ key, message, value: shortened(pod.annotations?.[annotation] ?? ''), remedy }],
    );
    return { state, warnings: problems.length === 0 ? warnings : [...warnings, ...problems] };
  }

  #contributionOf(
    key: string,
    allocation: AllocationView,
    weight: number,
    before: Contribution | undefined,
  ): Contribution {
    const known = this.#contributions.get(allocation);
    if (known?.weight === weight) return known.contribution;
    const contribution = contributionOf(key, allocation, weight, before);
    this.#contributions.set(allocation, { weight, contribution });
    return contribution;
  }

  /** Replaces a pod's state, or removes it. @returns the destinations for which the two states differ */
  #change(key: string, state: PodState | undefined): Destination[] {
    const backend = this.#pods.get(key) ?? { state: undefined };
    const before = backend.state;
    backend.state = state;
    if (state === undefined) this.#pods.delete(key);
    else this.#pods.set(key, backend);
    if (before !== undefined) this.#draining.delete(before);
    if (state?.drainUntil !== undefined && this.#policy.byWeight) this.#draining.add(state);
    const touched: Destination[] = [];
    for (const family of [4, 6] as const) {
      const [left, right] = [before?.contribution[family], state?.contribution[family]];
      const same = before?.drainUntil === state?.drainUntil && sameNexthop(left?.nexthop, right?.nexthop);
      this.#move(backend, left?.destinations ?? none, right?.destinations ?? none, same, touched);
    }
    return touched;
  }

  /**
   * @param same whether nothing changes for destinations that the pod keeps
   * @param touched receives all other destinations
   */
  #move(
    backend: Backend,
    from: ReadonlySet<Destination>,
    to: ReadonlySet<Destination>,
    same: boolean,
    touched: Destination[],
  ): void {
    if (from === to && same) return;
    for (const destination of from) {
      if (from === to || to.has(destination)) continue;
      this.#leave(destination, backend);
      touched.push(destination);
    }
    for (const destination of to) {
      const kept = from === to || from.has(destination);
      if (!kept) this.#join(destination, backend);
      if (!kept || !same) touched.push(destination);
    }
  }

  #join(destination: Destination, backend: Backend): void {
    const backends = this.#backends.get(destination);
    if (backends === undefined) this.#backends.set(destination, [backend]);
    else backends.push(backend);
  }

  #leave(destination: Destination, backend: Backend): void {
    const backends = this.#backends.get(destination) ?? [];
    if (backends.length > 1) backends.splice(backends.indexOf(backend), 1);
    else this.#backends.delete(destination);
  }
}

function isDraining({ state }: Backend): boolean {
  return state?.drainUntil !== undefined;
}

function asksForAny(contribution: Contribution, among: ReadonlySet<Destination>): boolean {
  if (among.size === 0) return false;
  return partsOf(contribution).some(({ destinations }) => [...destinations].some(each => among.has(each)));
}
