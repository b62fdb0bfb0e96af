/**
 * What others did to our nexthop objects, as the kernel notifies it. It names a nexthop that is deleted first, and then
 * each group that thereby shrinks or goes; routes go with their group, of IPv4 without a notification
 * (remove_nexthop and __remove_nexthop_fib, net/ipv4/nexthop.c).
 *
 * What is known from this alone is written again at once: reading the kernel first would cost milliseconds, in which
 * BIRD withdraws.
 */
import { membersOf, type ObjectChange, ObjectKind } from '../socket/nexthop-object.ts';
import { concatenate, emptyNexthops, splitNexthops } from '../socket/nexthops.ts';
import type { Cohort } from './cohort.ts';
import type { Cohorts } from './cohorts.ts';

export interface ObjectLosses {
  /** Ids of groups whose content has become less, or nothing. */
  groups: ReadonlySet<number>;
  /** How many objects of ours were deleted. */
  deleted: number;
  /** What the kernel holds does not follow from the changes: it has to be read. */
  doubt: boolean;
}

/** Takes changes by others into what we believe of our objects. */
export function observeObjects(changes: Iterable<ObjectChange>, cohorts: Cohorts): ObjectLosses {
  const groups = new Set<number>();
  let deleted = 0;
  let doubt = false;
  for (const { gone, object } of changes) {
    const { id, kind } = object;
    if (!cohorts.ids.contains(id)) continue;
    const cohort = cohorts.get(id);
    if (gone && kind === ObjectKind.nexthop) {
      const nexthop = cohorts.nexthops.get(id);
      deleted++;
      // It may be what we are about to create, or what a reading that is under way has found.
      if (!nexthop?.present) doubt = true;
      if (nexthop !== undefined) cohorts.nexthops.forget(nexthop);
    } else if (gone) {
      deleted++;
      if (cohort === undefined) {
        doubt = true;
        continue;
      }
      groups.add(id);
      if (!cohorts.shrink(cohort, emptyNexthops)) doubt = true;
    } else {
      const left = cohort && whatIsLeft(cohort, new Set(membersOf(object).map(member => member.id)), cohorts);
      if (cohort === undefined || left === undefined) doubt = true;
      else if (left.length < cohort.content.length) {
        groups.add(id);
        if (!cohorts.shrink(cohort, left)) doubt = true;
      }
    }
  }
  return { groups, deleted, doubt };
}

/** @returns what a group leads through still; undefined when it has members that we did not give it */
function whatIsLeft(
  { content }: Cohort,
  members: ReadonlySet<number>,
  cohorts: Cohorts,
): Uint8Array | undefined {
  const ids = cohorts.nexthops.find(content).map(({ id }) => id);
  const left = splitNexthops(content).filter((_, index) => members.has(ids[index] as number));
  if (left.length < members.size) return undefined;
  return concatenate(left);
}
