import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import type { Cohort } from '../../../lib/kernel/groups/cohort.ts';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import type { GroupForm } from '../../../lib/kernel/groups/group-form.ts';
import { ObjectRequests } from '../../../lib/kernel/groups/object-requests.ts';
import {
  membersOf,
  ObjectKind,
  ObjectOperation,
  readObjects,
} from '../../../lib/kernel/socket/nexthop-object.ts';
import { isOnlink } from '../../../lib/kernel/socket/nexthops.ts';
import { recordLength } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { outcomeUnknown } from '../../../lib/kernel/socket/route-socket.ts';
import { advertise, hops } from '../../support/packed.ts';

const { errno } = constants;
const now = 1000;
const plain = { kind: ObjectKind.group } as const;
const resilient = {
  kind: ObjectKind.resilientGroup,
  resilience: { buckets: 64, idleTimer: 100, unbalancedTimer: 0 },
} as const;
const operationNames = new Map(Object.entries(ObjectOperation).map(([name, code]) => [code as number, name]));

/** What a batch asks for, in short: `create nexthop`, `replace group 2` (members), … */
function wordsOf(bytes: Uint8Array): string[] {
  const words: string[] = [];
  for (let start = 0; start < bytes.length; start += recordLength(bytes, start)) {
    const record = bytes.subarray(start, start + recordLength(bytes, start));
    const [object] = readObjects(record);
    const operation = operationNames.get(record[2] as number);
    if (object === undefined || operation === 'delete') words.push(`${operation}`);
    else if (object.kind === ObjectKind.nexthop)
      words.push(`${operation} ${isOnlink(object.nexthops) ? 'on-link ' : ''}nexthop`);
    else words.push(`${operation} group ${membersOf(object).map(({ weight }) => weight)}`);
  }
  return words;
}

function createCohorts(form: GroupForm = plain) {
  const cohorts = new Cohorts(form, advertise);
  /** Writes what has changed. @param answer the outcome by place in the batch, 0 unless given */
  const pass = (answers: Record<number, number> = {}, at = now, assigned: Cohort[] = []) => {
    const batch = new RouteBatch();
    const requests = new ObjectRequests(cohorts, batch);
    requests.write(at);
    requests.sweep(new Set(assigned));
    const asked = wordsOf(batch.bytes());
    const outcomes = Array.from({ length: batch.length }, (_, place) => answers[place] ?? 0);
    const messages = new Map(Object.keys(answers).map(place => [Number(place), 'its words']));
    const doubt = requests.settle(Object.assign(Int32Array.from(outcomes), { messages }));
    return { asked, doubt, requests };
  };
  return { cohorts, pass };
}

/** A cohort that the kernel has and a destination leads through. */
function existing(t: ExecutionContext, form: GroupForm, ...indexes: number[]) {
  const parts = createCohorts(form);
  const cohort = parts.cohorts.create(4, hops(...indexes), undefined);
  t.false(parts.pass({}, now, [cohort]).doubt);
  parts.cohorts.join(cohort.id);
  return { ...parts, cohort };
}

test('a new group comes behind its nexthops, and each of those is marked on-link behind its creation', t => {
  const { cohorts, pass } = createCohorts();
  const cohort = cohorts.create(4, hops(1, 2), undefined);
  const { asked, doubt, requests } = pass({}, now, [cohort]);
  t.deepEqual(asked, [
    'create nexthop',
    'replace on-link nexthop',
    'create nexthop',
    'replace on-link nexthop',
    'create group 1,1',
  ]);
  t.false(doubt);
  t.is(requests.placeOf(cohort), 4);
  t.is(requests.failureOf(cohort.id), undefined);
  t.deepEqual(cohort.content, hops(1, 2));
  cohorts.join(cohort.id);
  t.deepEqual(pass().asked, [], 'and then nothing is left to do');
});

test('two new groups of the same nexthop create it once', t => {
  const { cohorts, pass } = createCohorts();
  const both = [cohorts.create(4, hops(1), undefined), cohorts.create(4, hops(1, 2), undefined)];
  const { asked } = pass({}, now, both);
  t.is(asked.filter(each => each === 'create nexthop').length, 2);
});

test('a group that loses a member is replaced in place, and the nexthop deleted when no group has it', t => {
  const { cohorts, pass, cohort } = existing(t, plain, 1, 2);
  cohorts.change(cohort, hops(1));
  t.deepEqual(pass().asked, ['replace group 1']);
  t.deepEqual(pass().asked, ['delete']);
  t.deepEqual(pass().asked, []);
});

test('a group without a destination is deleted, and its nexthops in the pass after', t => {
  const { cohorts, pass, cohort } = existing(t, plain, 1);
  cohorts.leave(cohort.id);
  t.deepEqual(pass().asked, ['delete']);
  t.is(cohorts.get(cohort.id), undefined);
  t.deepEqual(pass().asked, ['delete']);
});

test('what is about to have a destination is not deleted', t => {
  const { cohorts, pass, cohort } = existing(t, plain, 1);
  cohorts.leave(cohort.id);
  t.deepEqual(pass({}, now, [cohort]).asked, []);
});

test('what is gone already is deleted; what can not be is left until the kernel is read', t => {
  const { cohorts, pass, cohort } = existing(t, plain, 1);
  cohorts.leave(cohort.id);
  t.deepEqual(pass({ 0: errno.EBUSY }).asked, ['delete']);
  t.is(cohorts.get(cohort.id), cohort);
  t.deepEqual(pass().asked, []);
  cohorts.join(cohort.id);
  cohorts.leave(cohort.id);
  pass({ 0: errno.ENOENT });
  t.is(cohorts.get(cohort.id), undefined);
  t.deepEqual(pass({ 0: errno.EBUSY }).asked, ['delete']);
  t.deepEqual(pass().asked, [], 'a nexthop that can not be deleted neither');
});

test('a nexthop that the kernel refuses is why its group is not there, in its words', t => {
  const { cohorts, pass } = createCohorts();
  const cohort = cohorts.create(4, hops(1), undefined);
  const { doubt, requests } = pass({ 0: errno.EHOSTUNREACH, 1: errno.ENOENT, 2: errno.EINVAL }, now, [
    cohort,
  ]);
  t.false(doubt);
  t.deepEqual(requests.failureOf(cohort.id), { errno: errno.EHOSTUNREACH, words: 'its words' });
  t.deepEqual(cohorts.nexthops.accepted(hops(1)), hops());
});

test('a nexthop whose id another owner has gets another one, and the kernel is read', t => {
  const { cohorts, pass } = createCohorts();
  const cohort = cohorts.create(4, hops(1), undefined);
  const [before] = cohorts.nexthops.find(hops(1));
  const { doubt } = pass({ 0: errno.EEXIST }, now, [cohort]);
  t.true(doubt);
  t.not(cohorts.nexthops.find(hops(1))[0]?.id, before?.id);
});

test('a group whose id another owner has is given up, and the kernel is read', t => {
  const { cohorts, pass } = createCohorts();
  const cohort = cohorts.create(4, hops(1), undefined);
  const { doubt, requests } = pass({ 2: errno.EEXIST }, now, [cohort]);
  t.true(doubt);
  t.is(requests.failureOf(cohort.id)?.errno, errno.EEXIST);
  t.is(cohorts.get(cohort.id), undefined);
});

test('a group that is refused for no nexthop of its own is a reason to read the kernel', t => {
  const { cohorts, pass, cohort } = existing(t, plain, 1, 2);
  cohorts.change(cohort, hops(1));
  const { doubt, requests } = pass({ 0: errno.ENOENT });
  t.true(doubt);
  t.is(requests.failureOf(cohort.id)?.errno, errno.ENOENT);
  t.deepEqual([cohort.content, cohort.planned], [hops(1, 2), hops(1, 2)], 'planned no more');
});

test('an outcome that was lost is a reason to read the kernel', t => {
  const { cohorts, pass } = createCohorts();
  const cohort = cohorts.create(4, hops(1), undefined);
  t.true(pass({ 2: outcomeUnknown }, now, [cohort]).doubt);
  t.is(cohorts.get(cohort.id), undefined, 'planned no more');
});

test('a nexthop that can not be marked on-link is tried again when its group is there, and when the kernel was read', t => {
  const { cohorts, pass } = createCohorts();
  const cohort = cohorts.create(4, hops(1), undefined);
  pass({ 1: errno.EINVAL }, now, [cohort]);
  cohorts.join(cohort.id);
  t.deepEqual(pass({ 0: errno.EINVAL }).asked, ['replace on-link nexthop']);
  t.deepEqual(pass().asked, []);
  const [nexthop] = cohorts.nexthops.find(hops(1));
  if (nexthop !== undefined) cohorts.nexthops.adopt(new Map([[nexthop.id, nexthop.bytes]]));
  t.deepEqual(pass().asked, ['replace on-link nexthop']);
});

test('a resilient group that parts from another begins as that one is, so that flows stay in their buckets', t => {
  const { cohorts, pass, cohort } = existing(t, resilient, 1, 2);
  const child = cohorts.create(4, hops(2), cohort);
  const { asked, requests } = pass({}, now, [child]);
  t.deepEqual(asked, ['create group 1,1', 'replace group 1']);
  t.is(requests.placeOf(child), 1);
  t.deepEqual(child.content, hops(2));
});

for (const heaviestMember of [255, 65_535]) {
  test(`a second member of a resilient group waits until the buckets of the first are marked, by ${heaviestMember}`, t => {
    const { cohorts, pass, cohort } = existing(t, { ...resilient, heaviestMember }, 1);
    cohorts.change(cohort, hops(1, 2));
    const joining = now + 100_000;
    const { asked } = pass({}, joining);
    const group = `replace group ${heaviestMember},1`;
    t.deepEqual(asked, ['create nexthop', 'replace on-link nexthop', group]);
    t.is(cohorts.nextDeadline, joining + 10 * resilient.resilience.idleTimer + 250);
    t.deepEqual(pass({}, cohorts.nextDeadline).asked, ['replace group 1,1']);
    t.is(cohorts.nextDeadline, Number.POSITIVE_INFINITY);
  });
}
