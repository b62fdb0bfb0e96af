/**
 * The nexthops to program while the kernel refuses the whole set: the search for what works of it. No I/O: the search
 * is changed, and nothing else.
 */
import type { Cohorts } from '../groups/cohorts.ts';
import {
  countNexthops,
  emptyNexthops,
  intersectNexthops,
  pickNexthop,
  sameNexthops,
  uniteNexthops,
} from '../socket/nexthops.ts';
import type { NexthopSearch, RouteEntry, RouteFailure } from '../state/route-entry.ts';

/** Nexthop groups, as far as the search needs them. */
export type GroupContents = Pick<Cohorts, 'form' | 'nexthops'>;

export interface Wanted {
  nexthops: Uint8Array;
  whole: boolean;
  /** Written even when it is there already. */
  proving: boolean;
}

/** The nexthops to program while the kernel refuses all: what works of them, or what is tried next. */
export function partToTry(
  entry: RouteEntry,
  failure: RouteFailure,
  all: Uint8Array,
  cohorts: GroupContents,
): Wanted {
  if (failure.kind === 'contested') return { nexthops: all, whole: false, proving: false };
  if (cohorts.form !== undefined) {
    const part = withoutRefused(all, cohorts);
    // What has just failed is not tried again before the whole is.
    const nexthops = sameNexthops(part, failure.tried) ? emptyNexthops : part;
    return { nexthops, whole: false, proving: false };
  }
  const { search } = failure;
  if (search === undefined) return { nexthops: emptyNexthops, whole: false, proving: false };

  if (search.stage === 'prove') {
    const kept = intersectNexthops(entry.programmed?.nexthops ?? emptyNexthops, all);
    if (kept.length > 0) return { nexthops: kept, whole: false, proving: true };
    search.stage = 'grow';
  }
  for (; search.stage === 'grow' && search.next < countNexthops(all); search.next++) {
    const nexthops = uniteNexthops(search.good, pickNexthop(all, search.next));
    if (nexthops.length > search.good.length) return { nexthops, whole: false, proving: true };
  }
  search.stage = 'done';
  return { nexthops: intersectNexthops(search.good, all), whole: false, proving: false };
}

/** The kernel accepts nexthop objects one by one: refused ones are left out. If none was refused, nothing is tried. */
export function withoutRefused(all: Uint8Array, { nexthops }: GroupContents): Uint8Array {
  const accepted = nexthops.accepted(all);
  return accepted.length < all.length ? accepted : emptyNexthops;
}

/** A set of several nexthops was refused whole: what works of it is found part by part. */
export function beginSearch(): NexthopSearch {
  return { stage: 'prove', good: emptyNexthops, next: 0 };
}

/** @param accepted what the kernel took; undefined when it refused the part that was tried */
export function continueSearch(search: NexthopSearch | undefined, accepted: Uint8Array | undefined): void {
  if (search === undefined) return;
  if (accepted !== undefined) search.good = accepted;
  if (search.stage === 'prove') search.stage = 'grow';
  else search.next++;
}
