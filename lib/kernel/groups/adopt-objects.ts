/** Compares a dump of nexthop objects with what we believe. */
import type { Family } from '../../base/address.ts';
import { membersOf, type NexthopObject, ObjectKind } from '../socket/nexthop-object.ts';
import {
  compareNexthop,
  concatenate,
  sameNexthops,
  splitNexthops,
  weighted,
  withOnlink,
} from '../socket/nexthops.ts';
import { AF_INET, nexthopOffsets } from '../socket/record-layout.ts';
import type { Cohort } from './cohort.ts';
import type { AdoptedGroup, Cohorts } from './cohorts.ts';
import { type GroupForm, heaviestIn } from './group-form.ts';
import { beginMarking, unmarkedIn, weightsOf } from './marking.ts';

/**
 * Believes what the kernel has: ours are the objects of our protocol in our range of ids; any other object in that
 * range keeps its id.
 *
 * @param now the clock, in milliseconds
 */
export function adoptObjects(objects: Iterable<NexthopObject>, cohorts: Cohorts, now: number): void {
  const { ids, protocol, nexthops, form } = cohorts;
  const single = new Map<number, Uint8Array>();
  const groups: NexthopObject[] = [];
  for (const object of objects) {
    if (!ids.contains(object.id)) continue;
    if (object.protocol !== protocol) ids.reserve(object.id);
    else if (object.kind === ObjectKind.nexthop) single.set(object.id, object.nexthops);
    else groups.push(object);
  }
  nexthops.adopt(single);
  const adopted = groups.map(
    group => [group.id, adoptedGroup(group, single, form, cohorts.get(group.id), now)] as const,
  );
  cohorts.adopt(new Map(adopted));
}

function adoptedGroup(
  group: NexthopObject,
  single: ReadonlyMap<number, Uint8Array>,
  form: GroupForm,
  known: Cohort | undefined,
  now: number,
): AdoptedGroup {
  const members = membersOf(group);
  const found: Uint8Array[] = [];
  for (const { id, weight } of members) {
    const nexthop = single.get(id);
    if (nexthop !== undefined)
      found.push(withOnlink(weighted(nexthop, members.length === 1 ? 1 : weight), false));
  }
  const [first] = found;
  const family: Family = first?.[nexthopOffsets.gatewayFamily] === AF_INET ? 4 : 6;
  const content = concatenate(found.sort(compareNexthop));
  return {
    family,
    ...(markedContent(content, form, known, now) ?? { content, marking: undefined }),
    fit: found.length === members.length && isOfForm(group, form),
    stale: isStale(group, form),
  };
}

/**
 * What a group is to lead through when its buckets are marked. A marking that this run did not begin is of an earlier
 * run: its weights and its begin are not known any more.
 *
 * @param content as the kernel has it
 * @returns undefined when it is not being marked
 */
function markedContent(
  content: Uint8Array,
  form: GroupForm,
  known: Cohort | undefined,
  now: number,
): Pick<AdoptedGroup, 'content' | 'marking'> | undefined {
  const members = splitNexthops(content);
  const heaviest = form?.kind === ObjectKind.resilientGroup ? heaviestIn(form) : Number.POSITIVE_INFINITY;
  const unmarked = unmarkedIn(members, heaviest);
  if (unmarked.length === 0) return undefined;
  const even = concatenate(members.map(member => weighted(member, 1)));
  // What is configured otherwise now takes no weights over that no route of its own could have.
  if (form?.kind !== ObjectKind.resilientGroup) return { content: even, marking: undefined };
  if (known?.marking !== undefined) {
    const weights = weightsOf(known.content, known.marking, heaviest);
    const written = splitNexthops(known.content).map((each, at) => weighted(each, weights[at] as number));
    if (sameNexthops(concatenate(written), content))
      return { content: known.content, marking: known.marking };
  }
  const marking = beginMarking(concatenate(unmarked), now, form.resilience.idleTimer);
  return { content: even, marking };
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
