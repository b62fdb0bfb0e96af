import test from 'ava';
import { addressOf } from '../../../lib/base/address.ts';
import { TimeSlice } from '../../../lib/base/time-slice.ts';
import type { Cohort } from '../../../lib/kernel/groups/cohort.ts';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { ObjectKind } from '../../../lib/kernel/socket/nexthop-object.ts';
import { Operation, RouteType } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { viewRoutes } from '../../../lib/kernel/socket/route-view.ts';
import { Agenda } from '../../../lib/kernel/state/agenda.ts';
import { RouteBeliefs } from '../../../lib/kernel/state/route-beliefs.ts';
import { conflictMessage } from '../../../lib/kernel/state/route-event.ts';
import { advertise, failureOf, four, hold, hops, linksOf, protocols, six } from '../../support/packed.ts';

const foreign = 99;
const metric = 16;
const slice = () => new TimeSlice(() => 0);

function createBeliefs(groups = false) {
  const links = linksOf(1, 2, 3);
  const agenda = new Agenda();
  const cohorts = new Cohorts(groups ? { kind: ObjectKind.group } : undefined, advertise);
  const events: string[] = [];
  const subject = new RouteBeliefs({
    metric,
    protocols,
    links,
    cohorts,
    agenda,
    report: ({ kind }) => events.push(kind),
  });
  return { subject, links, agenda, cohorts, events };
}

/** A record of a dump or of a notification. */
function recordOf(
  destination: string,
  { operation = Operation.none as Operation, protocol = advertise, nexthops = hops(1), ...rest } = {} as {
    operation?: Operation;
    protocol?: number;
    nexthops?: Uint8Array;
    metric?: number;
    group?: number;
  },
): Uint8Array {
  const batch = new RouteBatch();
  const { bytes } = addressOf(destination);
  const route = { operation, destination: bytes, table: 254, protocol, type: RouteType.unicast, nexthops };
  batch.addHostRoute({ ...route, metric: rest.metric ?? metric, group: rest.group ?? 0 });
  return batch.bytes().slice();
}

function viewOf(...args: Parameters<typeof recordOf>) {
  const [view] = viewRoutes(recordOf(...args));
  if (view === undefined) throw new Error('no record');
  return view;
}

/** Reads these records of the kernel, and no others. */
function read(subject: RouteBeliefs, records: { 4?: Uint8Array; 6?: Uint8Array }, now = 0) {
  const reading = subject.beginReading();
  for (const family of [4, 6] as const) reading.take(family, records[family] ?? new Uint8Array(), true);
  return subject.adopt(reading, now, slice());
}

test('before the first reading all is in doubt, and what it finds is believed', async t => {
  const { subject, agenda } = createBeliefs();
  t.true(subject.inDoubt);
  const found = { 4: recordOf(four), 6: recordOf(six, { protocol: hold }) };
  t.deepEqual(await read(subject, found), { drift: 2, strays: [] });
  t.false(subject.inDoubt);
  t.deepEqual([[...subject.announced], [...subject.held]], [[four], [six]]);
  t.deepEqual(
    subject.announcedRoutes().map(({ destination }) => destination),
    [four],
  );
  t.true(agenda.busy, 'what was found is looked at');
  t.deepEqual(await read(subject, found), { drift: 0, strays: [] });
});

test('a doubt that is raised during a reading is not answered by it', async t => {
  const { subject } = createBeliefs();
  const reading = subject.beginReading();
  subject.raiseDoubt();
  await subject.adopt(reading, 0, slice());
  t.true(subject.inDoubt);
});

test('a route that the kernel lost is not believed any more; over IPv4 BIRD was not notified of it', async t => {
  const { subject } = createBeliefs();
  await read(subject, { 4: recordOf(four), 6: recordOf(six) });
  await read(subject, {});
  t.is(subject.announced.size, 0);
  t.deepEqual(
    [four, six].map(each => subject.index.get(each)?.silentlyLost),
    [true, false],
  );
});

test('what was notified of a destination since it was read is newer, and it is read again', async t => {
  const { subject } = createBeliefs();
  await read(subject, { 4: recordOf(four) });
  const reading = subject.beginReading();
  reading.take(4, recordOf(four, { nexthops: hops(2) }), true);
  reading.take(6, new Uint8Array(), true);
  const entry = subject.index.ensure(four);
  subject.record(entry, undefined);
  await subject.adopt(reading, 0, slice());
  t.is(entry.programmed, undefined);
  t.true(subject.inDoubt);
});

test('a route of ours of another metric is a stray', async t => {
  const { subject } = createBeliefs();
  const { drift, strays } = await read(subject, { 4: recordOf(four, { metric: 17 }) });
  t.deepEqual([drift, strays.length], [0, 1]);
});

test('a conflict is reported when a reading confirms it, and ends when ours is there', async t => {
  const { subject, events } = createBeliefs();
  const entry = subject.index.ensure(four);
  entry.failure = failureOf({ kind: 'conflict', message: conflictMessage });
  subject.awaitConfirmation(entry);
  await read(subject, {});
  t.deepEqual(events, ['conflict']);
  subject.awaitConfirmation(entry);
  await read(subject, { 4: recordOf(four) });
  t.deepEqual(events, ['conflict'], 'it was our own');
  t.falsy(entry.failure);
});

test('what is notified of others is none of ours: by metric, or by a destination that we do not know', async t => {
  const { subject } = createBeliefs();
  await read(subject, { 4: recordOf(four) });
  t.false(subject.observe(viewOf(four, { protocol: foreign, metric: 17, operation: Operation.replace }), 0));
  t.false(subject.observe(viewOf('192.0.2.2/32', { protocol: foreign, operation: Operation.replace }), 0));
  t.false(subject.inDoubt);
  t.deepEqual([...subject.announced], [four]);
});

test('a route under our protocols that we never made is read; its deletion needs no reading', async t => {
  const { subject } = createBeliefs();
  await read(subject, {});
  t.true(subject.observe(viewOf(four, { operation: Operation.delete }), 0));
  t.false(subject.inDoubt);
  t.true(subject.observe(viewOf(four, { operation: Operation.replace }), 0));
  t.true(subject.inDoubt);
});

test('a route of ours that others replaced is believed as they left it', async t => {
  const { subject, agenda } = createBeliefs();
  await read(subject, { 4: recordOf(four) });
  agenda.take(0);
  const entry = subject.index.ensure(four);
  entry.pending = false;
  const { revision } = entry;
  t.true(
    subject.observe(viewOf(four, { operation: Operation.replace, protocol: hold, nexthops: hops(2) }), 0),
  );
  t.deepEqual(entry.programmed, { protocol: hold, nexthops: hops(2), group: 0 });
  t.true(entry.revision > revision, 'an outcome that crossed with it is not believed');
  t.true(agenda.busy);
  t.true(subject.observe(viewOf(four, { operation: Operation.replace, protocol: foreign }), 0));
  t.is(entry.programmed, undefined, 'overwritten, ours is gone');
});

test('a route of ours that others deleted is gone, and written again even where it came back', async t => {
  const { subject } = createBeliefs();
  await read(subject, { 4: recordOf(four) });
  t.true(subject.observe(viewOf(four, { operation: Operation.delete }), 0));
  const entry = subject.index.ensure(four);
  t.is(entry.programmed, undefined);
  t.true(entry.rewrite);
});

test('what goes with an interface is nobody else: it counts as no restoration', async t => {
  const { subject, links } = createBeliefs();
  await read(subject, { 6: recordOf(six, { nexthops: hops(1, 2) }) });
  const entry = subject.index.ensure(six);
  const { revision } = entry;
  links.update([{ name: 'p1', index: 1, flags: 0, gone: false }]);
  t.true(subject.observe(viewOf(six, { operation: Operation.delete, nexthops: hops(1) }), 0));
  t.deepEqual(entry.programmed?.nexthops, hops(2));
  t.is(entry.revision, revision);
  t.is(entry.drift, undefined);
});

test("another owner's route that goes from our key is tried at once, and any other of no interest", async t => {
  const { subject, agenda } = createBeliefs();
  await read(subject, {});
  const entry = subject.index.ensure(four);
  const gone = viewOf(four, { operation: Operation.delete, protocol: foreign });
  t.true(subject.observe(gone, 0));
  t.false(agenda.busy);
  entry.failure = failureOf({ kind: 'conflict' });
  t.true(subject.observe(gone, 0));
  t.is(entry.failure.retryAt, Number.NEGATIVE_INFINITY);
  t.true(agenda.busy);
});

test('somebody who keeps deleting is reported once, and restoring waits', async t => {
  const { subject, events } = createBeliefs();
  const entry = subject.index.ensure(four);
  for (let attack = 0; attack < 12; attack++) {
    subject.record(entry, { protocol: advertise, nexthops: hops(1), group: 0 });
    subject.observe(viewOf(four, { operation: Operation.delete }), attack);
  }
  t.deepEqual(events, ['contested']);
  t.is(entry.failure?.kind, 'contested');
});

test('a lost interface takes IPv4 routes through it along, and has those of IPv6 looked at', async t => {
  const { subject } = createBeliefs();
  await read(subject, {
    4: recordOf(four, { nexthops: hops(1, 2) }),
    6: recordOf(six, { nexthops: hops(1, 2) }),
  });
  subject.loseLink(1, true);
  t.deepEqual(
    [four, six].map(each => subject.index.get(each)?.programmed?.nexthops),
    [undefined, hops(1, 2)],
  );
});

test('a route through a group is believed through what its group has, as the kernel may name the group alone', async t => {
  const { subject, cohorts } = createBeliefs(true);
  const cohort: Cohort = cohorts.create(4, hops(1), undefined);
  cohorts.setContent(cohort, hops(1));
  await read(subject, { 4: recordOf(four, { nexthops: hops(), group: cohort.id }) });
  const entry = subject.index.ensure(four);
  t.deepEqual(entry.programmed, { protocol: advertise, nexthops: hops(1), group: cohort.id });
  t.is(cohort.size, 1);
  subject.observe(viewOf(four, { operation: Operation.replace, nexthops: hops(), group: cohort.id }), 0);
  t.deepEqual(entry.programmed?.nexthops, hops(1));
  const [nexthop] = cohorts.nexthops.find(hops(1));
  if (nexthop !== undefined) cohorts.nexthops.accept(nexthop);
  subject.loseLink(1, true);
  t.is(entry.programmed, undefined);
  t.true(entry.silentlyLost, 'the kernel says nothing of IPv4 routes that go with their group');
  t.is(cohort.size, 0);
});
