import { constants } from 'node:os';
import test from 'ava';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { GroupPlan } from '../../../lib/kernel/plan/group-plan.ts';
import { type RouteRequest, requestTo } from '../../../lib/kernel/plan/route-request.ts';
import { ObjectKind } from '../../../lib/kernel/socket/nexthop-object.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { outcomeUnknown } from '../../../lib/kernel/socket/route-socket.ts';
import { advertise, entryOf, four, hold, hops, protocols } from '../../support/packed.ts';

const { errno } = constants;

function createPlan() {
  const cohorts = new Cohorts({ kind: ObjectKind.group }, advertise);
  /** Plans these requests. */
  const begin = (...requests: RouteRequest[]) => {
    const batch = new RouteBatch();
    const plan = new GroupPlan(cohorts, protocols, batch);
    plan.write(requests, 0);
    plan.sweep();
    /** @param answers outcomes by place in the batch, 0 unless given */
    const settle = (answers: Record<number, number> = {}) => {
      const outcomes = Array.from({ length: batch.length }, (_, place) => answers[place] ?? 0);
      return plan.settle(Object.assign(Int32Array.from(outcomes), { messages: new Map() }));
    };
    return { plan, batch, settle };
  };
  return { cohorts, begin };
}

/** A route of ours that leads through a new group of interfaces 1 and 2. */
function createGrouped() {
  const { cohorts, begin } = createPlan();
  const entry = entryOf(four);
  const request = requestTo('create', entry, hops(1, 2), true);
  begin(request).settle();
  cohorts.join(request.group);
  entry.programmed = { protocol: advertise, nexthops: hops(1, 2), group: request.group };
  return { cohorts, begin, entry, group: request.group };
}

test('a new destination is given a new group, which the batch has before its route', t => {
  const { begin } = createPlan();
  const request = requestTo('create', entryOf(four), hops(1), true);
  const { plan, batch } = begin(request);
  t.not(request.group, 0);
  t.is(batch.length, 3);
  t.is(plan.placeOf(request), undefined, 'its route is written all the same');
});

test('without groups configured no request has one', t => {
  const cohorts = new Cohorts(undefined, advertise);
  const request = requestTo('create', entryOf(four), hops(1), true);
  const batch = new RouteBatch();
  new GroupPlan(cohorts, protocols, batch).write([request], 0);
  t.deepEqual([request.group, batch.length], [0, 0]);
});

test('a request without nexthops has no group', t => {
  const { begin, entry } = createGrouped();
  const request = requestTo('delete', entry);
  begin(request);
  t.is(request.group, 0);
});

test('when all of a group want other nexthops, the change of the group alone brings it about', t => {
  const { begin, entry, group } = createGrouped();
  const request = requestTo('replace', entry, hops(1), true);
  const { plan } = begin(request);
  t.is(request.group, group);
  t.is(plan.placeOf(request), 0);
});

test('a route that leads through its group as wanted is written where its tag changes, or it is to be rewritten', t => {
  const { begin, entry, group } = createGrouped();
  const withdrawal = requestTo('hold', entry, hops(1));
  t.is(begin(withdrawal).plan.placeOf(withdrawal), undefined);
  t.is(withdrawal.group, group);
  entry.rewrite = true;
  const again = requestTo('replace', entry, hops(1, 2), true);
  t.is(begin(again).plan.placeOf(again), undefined);
});

test('a group that is there as wanted is joined, and not changed', t => {
  const { begin, entry, group } = createGrouped();
  const request = requestTo('replace', entry, hops(1, 2), true);
  const { plan, batch } = begin(request);
  t.is(request.group, group);
  t.is(batch.length, 0);
  t.is(plan.placeOf(request), undefined);
});

test('a group that came about is no failure of its routes', t => {
  const { begin, entry } = createGrouped();
  const request = requestTo('replace', entry, hops(1), true);
  const { plan, settle } = begin(request);
  t.false(settle());
  t.is(plan.failureOf(request, 0), undefined);
});

test('a group that was refused is the failure of its routes, which lead through it as it was', t => {
  const { begin, entry, group } = createGrouped();
  const request = requestTo('replace', entry, hops(1, 2, 3), true);
  const { plan, settle } = begin(request);
  settle({ 0: errno.EHOSTUNREACH, 2: errno.EINVAL });
  t.deepEqual(plan.failureOf(request, 0), {
    errno: errno.EHOSTUNREACH,
    words: undefined,
    left: { protocol: advertise, nexthops: hops(1, 2), group },
  });
  t.deepEqual(plan.failureOf(request, errno.EINVAL), { errno: errno.EHOSTUNREACH, words: undefined });
});

test('a withdrawn route that leads through a group as it was is held', t => {
  const { begin, entry, group } = createGrouped();
  const request = requestTo('hold', entry, hops(1, 2, 3));
  const { plan, settle } = begin(request);
  settle({ 0: errno.EHOSTUNREACH, 2: errno.EINVAL });
  t.deepEqual(plan.failureOf(request, 0)?.left, { protocol: hold, nexthops: hops(1, 2), group });
});

test('a group that vanished, or whose id another owner has, needs a reading and no pause', t => {
  const { begin, entry } = createGrouped();
  const request = requestTo('replace', entry, hops(1), true);
  const { plan, settle } = begin(request);
  t.true(settle({ 0: errno.ENOENT }));
  t.is(plan.failureOf(request, errno.EINVAL)?.errno, outcomeUnknown);

  const fresh = requestTo('create', entryOf('192.0.2.2/32'), hops(3), true);
  const second = begin(fresh);
  t.true(second.settle({ 2: errno.EEXIST }));
  t.like(second.plan.failureOf(fresh, errno.EINVAL), { errno: outcomeUnknown, words: undefined });
  t.is(second.plan.failureOf(fresh, errno.EINVAL)?.left, undefined);
});

test('a plan of which nobody knows what became leaves every group planned as it was', t => {
  const { cohorts, begin, entry, group } = createGrouped();
  begin(requestTo('replace', entry, hops(1), true)).plan.abandon();
  t.deepEqual(cohorts.get(group)?.planned, hops(1, 2));
});
