/**
 * When a resilient group does not know which of its buckets are in use. Pure.
 *
 * A packet marks its bucket as busy, but not over IPv4 in a group of one member: the kernel chooses among several
 * alone (`fib_select_path`, net/ipv4/fib_semantics.c). So the first pod's buckets all look idle when a second joins, and
 * half of its flows would break. A group that is created as a copy of another starts with no bucket marked, too.
 *
 * A member that joins such a group gets almost no share until every flow that is not idle has had the time to mark its
 * bucket. Where the first member was alone for a shorter time, that time is enough: few flows are older, and pods often
 * start together. The new member has none of the buckets, or one of 256 before Linux 6.12, where the largest weight is
 * 255.
 * (A longer idle timer would not do: a bucket that no packet has marked yet is idle by any;
 * `nh_res_bucket_idle_point`, net/ipv4/nexthop.c.)
 */
import { concatenate, countNexthops, identityOf, splitNexthops, weightOf } from '../socket/nexthops.ts';
import type { Cohort, Marking } from './cohort.ts';

/** The largest weight that is wanted of a member; a larger one is a mark of ours. */
const heaviestWanted = 255;
/** Time for the change itself to reach the kernel, in milliseconds. */
const slackMs = 250;
/** Members that are to keep less than this share of a group are draining: their idle buckets may move unmarked. */
const partWorthWaiting = 0.1;

/**
 * @param idleTimer of the group's form, in hundredths of a second
 * @param forMs for how long flows have gone unmarked, in milliseconds
 */
export function beginMarking(
  unmarked: Uint8Array,
  now: number,
  idleTimer: number,
  forMs = Number.POSITIVE_INFINITY,
): Marking {
  return { unmarked, until: now + Math.min(10 * idleTimer, forMs) + slackMs };
}

/**
 * @param seed what the group leads through before the change, where it does not exist yet
 * @param next what it is to lead through
 * @param now the clock, in milliseconds
 * @param idleTimer of the group's form, in hundredths of a second
 * @returns undefined when it can have the wanted weights now
 */
export function markingFor(
  cohort: Pick<Cohort, 'family' | 'content' | 'marking' | 'aloneSince'>,
  seed: Uint8Array | undefined,
  next: Uint8Array,
  now: number,
  idleTimer: number,
): Marking | undefined {
  const begun = cohort.marking ?? beginningOf(cohort, seed, now, idleTimer);
  if (begun === undefined || begun.until <= now) return undefined;
  const kept = unmarkedOf(next, begun);
  const grows = countNexthops(next) > kept.length;
  return grows && weightIn(concatenate(kept)) >= partWorthWaiting * weightIn(next) ? begun : undefined;
}

function beginningOf(
  { family, content, aloneSince }: Pick<Cohort, 'family' | 'content' | 'aloneSince'>,
  seed: Uint8Array | undefined,
  now: number,
  idleTimer: number,
): Marking | undefined {
  if (seed !== undefined) return beginMarking(seed, now, idleTimer);
  if (family === 6 || countNexthops(content) !== 1) return undefined;
  return beginMarking(content, now, idleTimer, now - (aloneSince ?? now));
}

/**
 * @param heaviest what a member can weigh at most
 * @returns the weights of a group's members, in their order: those that are wanted, unless it is being marked
 */
export function weightsOf(nexthops: Uint8Array, marking: Marking | undefined, heaviest: number): number[] {
  const members = splitNexthops(nexthops);
  if (marking === undefined) return members.map(member => weightOf(member));
  const unmarked = new Set(unmarkedOf(nexthops, marking));
  const factor = Math.floor(heaviest / Math.max(1, ...[...unmarked].map(member => weightOf(member))));
  const weights = new Map([...unmarked].map(member => [identityOf(member), factor * weightOf(member)]));
  return members.map(member => weights.get(identityOf(member)) ?? 1);
}

/**
 * The members of a group that the kernel has whose buckets were not marked when its marking began, by their weights;
 * none when it is not being marked.
 *
 * Where no weight is larger than those that are wanted, a group that drains looks the same: 1 against at least half of
 * the largest. To take it for one that is being marked does no harm, for that writes just these weights.
 *
 * @param heaviest what a member can weigh at most
 */
export function unmarkedIn(members: readonly Uint8Array[], heaviest: number): Uint8Array[] {
  const weights = members.map(member => weightOf(member));
  const marks = Math.max(0, ...weights);
  if (marks > heaviestWanted) return members.filter(member => weightOf(member) > heaviestWanted);
  const looksMarked = heaviest <= heaviestWanted && marks > heaviest / 2 && weights.includes(1);
  return looksMarked ? members.filter(member => weightOf(member) > 1) : [];
}

/** Those of a set whose buckets were not marked when it began. */
function unmarkedOf(nexthops: Uint8Array, { unmarked }: Marking): Uint8Array[] {
  const known = new Set(splitNexthops(unmarked).map(identityOf));
  return splitNexthops(nexthops).filter(nexthop => known.has(identityOf(nexthop)));
}

function weightIn(nexthops: Uint8Array): number {
  return splitNexthops(nexthops).reduce((sum, nexthop) => sum + weightOf(nexthop), 0);
}
