/** What a dump of nexthop objects says against what we believe. */
import type { Family } from '../../address.ts';
import { membersOf, type NexthopObject, ObjectKind } from '../nexthop-object.ts';
import { compareNexthop, concatenate, weighted, withOnlink } from '../nexthops.ts';
import { AF_INET, nexthopOffsets } from '../record-layout.ts';
import type { AdoptedGroup, Cohorts } from './cohorts.ts';
import type { GroupForm } from './group-form.ts';

/**
 * Takes in what the kernel has: ours are those of our protocol in our range of ids; what else is in that range
 * has its id.
 */
export function adoptObjects(objects: Iterable<NexthopObject>, cohorts: Cohorts): void {
  const { ids, protocol, nexthops, form } = cohorts;
  const single = new Map<number, Uint8Array>();
  const groups: NexthopObject[] = [];
  for (const object of objects) {
    if (!ids.contains(object.id)) continue;
    if (object.protocol !== protocol) ids.seize(object.id);
    else if (object.kind === ObjectKind.nexthop) single.set(object.id, object.nexthops);
    else groups.push(object);
  }
  nexthops.adopt(single);
  cohorts.adopt(new Map(groups.map(group => [group.id, adoptedGroup(group, single, form)])));
}

function adoptedGroup(
  group: NexthopObject,
  single: ReadonlyMap<number, Uint8Array>,
  form: GroupForm,
): AdoptedGroup {
  const members = membersOf(group);
  const known: Uint8Array[] = [];
  for (const { id, weight } of members) {
    const nexthop = single.get(id);
    if (nexthop !== undefined)
      known.push(withOnlink(weighted(nexthop, members.length === 1 ? 1 : weight), false));
  }
  const [first] = known;
  const family: Family = first?.[nexthopOffsets.gatewayFamily] === AF_INET ? 4 : 6;
  return {
    family,
    content: concatenate(known.sort(compareNexthop)),
    fit: known.length === members.length && isOfForm(group, form),
    stale: isStale(group, form),
  };
}

/** What can not be changed in place. */
function isOfForm({ kind, resilience }: NexthopObject, form: GroupForm): boolean {
  if (kind !== form?.kind) return false;
  return form.kind === ObjectKind.group || form.resilience.buckets === resilience?.buckets;
}

function isStale({ resilience }: NexthopObject, form: GroupForm): boolean {
  if (resilience === undefined || form?.kind !== ObjectKind.resilientGroup) return false;
  const { idleTimer, unbalancedTimer } = form.resilience;
  return resilience.idleTimer !== idleTimer || resilience.unbalancedTimer !== unbalancedTimer;
}
