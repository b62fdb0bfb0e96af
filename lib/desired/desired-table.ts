/**
 * The desired set kept current pod by pod, so that one pod's flip costs what that pod touches, not the table.
 * `resolveAnycastTargets` is the same from nothing; tests hold the two against each other.
 */
import { type Destination, familyOf } from '../base/address.ts';
import { type Contribution, contributionOf, type Part, partsOf } from './contribution.ts';
import { type DrainPolicy, phaseOf, wishProblem } from './drain.ts';
import { type DesiredTarget, SharedTargets } from './shared-targets.ts';
import { UntoldWarnings } from './unreported-warnings.ts';
import { type AllocationView, isInForce, type Nexthop, type PodView, type ResolveWarning } from './views.ts';
import { Reweighted, servingFactor, weightOf, weightProblem } from './weight.ts';

export type { DesiredTarget } from './shared-targets.ts';

/** The same withdrawn, and forwarded on until `until`, in milliseconds of the clock: a node that drains. */
export function withdrawn({ nexthops, holdUntil }: DesiredTarget, until: number): DesiredTarget {
  return { nexthops, holdUntil: Math.min(holdUntil ?? Number.POSITIVE_INFINITY, until) };
}

/** How a pod stands now; never changed, replaced. */
interface Stand {
  /** Another for each. */
  readonly id: number;
  readonly uid: string;
  readonly weight: number;
  readonly contribution: Contribution;
  /** Undefined while it serves. */
  readonly drainUntil: number | undefined;
}

/** A pod that has a part in destinations, for as long as it has one. */
interface Server {
  stand: Stand | undefined;
}

const nobody: DesiredTarget = { nexthops: [] };
const none: ReadonlySet<Destination> = new Set();

/** Who serves and who drains each destination, by `namespace/name` of the pods. Pure: the time is passed in. */
export class DesiredTable {
  readonly #policy: DrainPolicy;
  readonly #pods = new Map<string, Server>();
  /** Who has a part in each destination. */
  readonly #servers = new Map<Destination, Server[]>();
  /** What an allocation comes to, worked out once. */
  readonly #contributions = new WeakMap<AllocationView, { weight: number; contribution: Contribution }>();
  readonly #targets = new SharedTargets();
  /** What `target` gathers; kept for the next time. */
  readonly #parts: Nexthop[] = [];
  readonly #untold = new UntoldWarnings();
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
    const touched = this.#pods.get(key)?.stand === stand ? [] : this.#change(key, stand);
    return { touched, warnings: this.#untold.take(key, allocation, warnings) };
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
      for (const { destinations } of partsOf(stand.contribution)) left.push(...destinations);
    }
    return left;
  }

  /** What is wanted for one destination: who serves it, beside those that drain by weight; or who drains it. */
  target(destination: Destination): DesiredTarget {
    const servers = this.#servers.get(destination);
    if (servers === undefined) return nobody;
    const family = familyOf(destination);
    const drains = servers.every(isDraining);
    const factor = drains ? 1 : this.#servingFactor(servers);
    const parts = this.#parts;
    parts.length = 0;
    let holdUntil = 0;
    let hash = 0;
    for (let at = 0; at < servers.length; at++) {
      const stand = (servers[at] as Server).stand as Stand;
      const { id, weight, contribution, drainUntil } = stand;
      const isLeaving = !drains && drainUntil !== undefined;
      if (isLeaving && !this.#draining.has(stand)) continue;
      const { nexthop: own } = contribution[family] as Part;
      const nexthop = factor === 1 ? own : this.#reweighted.get(own, isLeaving ? 1 : weight * factor);
      parts.push(nexthop);
      hash = Math.imul(hash ^ (id + nexthop.via.length), 0x01000193);
      if (drainUntil !== undefined && drainUntil > holdUntil) holdUntil = drainUntil;
    }
    return this.#targets.get(parts, hash, drains ? holdUntil : undefined);
  }

  /** By what the weights of those that serve are multiplied: more than 1 while others drain by weight. */
  #servingFactor(servers: readonly Server[]): number {
    if (
      this.#draining.size === 0 ||
      !servers.some(({ stand }) => stand !== undefined && this.#draining.has(stand))
    )
      return 1;
    const serving = servers.filter(server => !isDraining(server));
    return servingFactor(Math.max(...serving.map(({ stand }) => stand?.weight ?? 1)));
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
    const known = this.#pods.get(key)?.stand;
    const before = known?.uid === pod.uid ? known : undefined;
    const phase = phaseOf(pod, before !== undefined, this.#policy);
    if (phase.kind === 'gone') return nothing;
    const weight = weightOf(pod);
    const contribution = this.#contributionOf(key, allocation, weight, known?.contribution);
    const { warnings } = contribution;
    const drainUntil = phase.kind === 'serving' ? undefined : (before?.drainUntil ?? now + phase.forMs);
    const unchanged = before?.contribution === contribution && before.drainUntil === drainUntil;
    const stand = unchanged ? before : { id: ++this.#lastId, uid: pod.uid, weight, contribution, drainUntil };
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

  /** Gives a pod another stand, or none. @returns destinations where the two differ */
  #change(key: string, stand: Stand | undefined): Destination[] {
    const server = this.#pods.get(key) ?? { stand: undefined };
    const before = server.stand;
    server.stand = stand;
    if (stand === undefined) this.#pods.delete(key);
    else this.#pods.set(key, server);
    if (before !== undefined) this.#draining.delete(before);
    if (stand?.drainUntil !== undefined && this.#policy.byWeight) this.#draining.add(stand);
    const touched: Destination[] = [];
    for (const family of [4, 6] as const) {
      const [left, right] = [before?.contribution[family], stand?.contribution[family]];
      const same = before?.drainUntil === stand?.drainUntil && sameNexthop(left?.nexthop, right?.nexthop);
      this.#move(server, left?.destinations ?? none, right?.destinations ?? none, same, touched);
    }
    return touched;
  }

  /**
   * @param same whether nothing changes for those that the pod keeps
   * @param touched takes all others
   */
  #move(
    server: Server,
    from: ReadonlySet<Destination>,
    to: ReadonlySet<Destination>,
    same: boolean,
    touched: Destination[],
  ): void {
    if (from === to && same) return;
    for (const destination of from) {
      if (from === to || to.has(destination)) continue;
      this.#leave(destination, server);
      touched.push(destination);
    }
    for (const destination of to) {
      const kept = from === to || from.has(destination);
      if (!kept) this.#join(destination, server);
      if (!kept || !same) touched.push(destination);
    }
  }

  #join(destination: Destination, server: Server): void {
    const servers = this.#servers.get(destination);
    if (servers === undefined) this.#servers.set(destination, [server]);
    else servers.push(server);
  }

  #leave(destination: Destination, server: Server): void {
    const servers = this.#servers.get(destination) ?? [];
    if (servers.length > 1) servers.splice(servers.indexOf(server), 1);
    else this.#servers.delete(destination);
  }
}

function isDraining({ stand }: Server): boolean {
  return stand?.drainUntil !== undefined;
}

function sameNexthop(left: Nexthop | undefined, right: Nexthop | undefined): boolean {
  return (
    left?.interface === right?.interface &&
    left?.via === right?.via &&
    left?.weight === right?.weight &&
    left?.onlink === right?.onlink
  );
}
