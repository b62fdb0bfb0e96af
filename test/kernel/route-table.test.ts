/** Plans and outcomes of a whole table, without a kernel. */
import { constants } from 'node:os';
import test from 'ava';
import { TimeSlice } from '../../lib/base/time-slice.ts';
import { RouteTable } from '../../lib/kernel/route-table.ts';
import { ObjectKind } from '../../lib/kernel/socket/nexthop-object.ts';
import { Operation } from '../../lib/kernel/socket/record-layout.ts';
import { outcomeUnknown } from '../../lib/kernel/socket/route-socket.ts';
import { viewRoutes } from '../../lib/kernel/socket/route-view.ts';
import { four, linksOf, protocols, six, wanted } from '../support/packed.ts';

const { errno } = constants;
const settleMs = 50;
const never = Number.POSITIVE_INFINITY;
const operationNames = new Map(Object.entries(Operation).map(([name, code]) => [code as number, name]));

function createTable({
  groups = false,
  stillAnnounced = () => false,
  read = true,
}: {
  groups?: boolean;
  stillAnnounced?: (destination: string) => boolean;
  read?: boolean;
} = {}) {
  const links = linksOf(1, 2);
  const table = new RouteTable({
    table: 254,
    metric: 16,
    protocols,
    settleMs,
    links,
    stillAnnounced,
    ...(groups && { groups: { kind: ObjectKind.group } }),
  });
  const slice = new TimeSlice(() => 0);
  if (read) void table.beliefs.adopt(table.beliefs.beginReading(), 0, slice);
  /** Plans at `now`, and settles with these outcomes by place in the batch, 0 unless given. */
  const pass = async (now = 0, answers: Record<number, number> = {}, meanwhile = () => {}) => {
    const plan = await table.planner.plan(now, slice);
    const asked = [...viewRoutes(plan.batch.bytes())].map(({ operation }) => operationNames.get(operation));
    const outcomes = Array.from({ length: plan.batch.length }, (_, place) => answers[place] ?? 0);
    meanwhile();
    const results = Object.assign(Int32Array.from(outcomes), { messages: new Map<number, string>() });
    await table.planner.settle(plan, results, now, slice);
    return asked;
  };
  const kinds = () => table.takeNews().events.map(({ kind }) => kind);
  return { table, links, pass, kinds };
}

test('a table that has not read the kernel is busy, and not empty', t => {
  const { table } = createTable({ read: false });
  t.true(table.busy);
  t.false(table.isEmpty);
});

test('what nobody serves and the kernel does not have costs nothing', async t => {
  const { table, pass } = createTable();
  table.want(four, { nexthops: [] });
  t.false(table.busy);
  t.deepEqual(await pass(), []);
  t.true(table.isEmpty);
});

test('a destination is announced, withdrawn, removed and forgotten', async t => {
  const { table, pass, kinds } = createTable();
  table.want(four, { nexthops: wanted(1) });
  t.deepEqual(await pass(), ['create']);
  t.deepEqual(table.counts(), { advertised: 1, unpeered: 0, held: 0, failed: 0 });
  t.deepEqual(table.counts(new Set([6])), { advertised: 0, unpeered: 1, held: 0, failed: 0 });
  table.want(four, { nexthops: [] });
  t.deepEqual(await pass(), ['replace']);
  t.deepEqual(table.counts(), { advertised: 0, unpeered: 0, held: 1, failed: 0 });
  t.is(table.nextDeadline, settleMs);
  t.deepEqual(await pass(settleMs), ['delete']);
  t.deepEqual(kinds(), ['advertise', 'hold', 'remove']);
  t.deepEqual(kinds(), [], 'each is reported once');
  t.true(table.isEmpty);
  t.false(table.busy);
  t.is(table.nextDeadline, never);
  t.is(table.beliefs.index.get(four), undefined);
});

test('what is still announced is not removed, and is asked for in every pass', async t => {
  let announced = true;
  const { table, pass } = createTable({ stillAnnounced: destination => destination === four && announced });
  for (const destination of [four, six]) table.want(destination, { nexthops: wanted(1) });
  await pass();
  for (const destination of [four, six]) table.want(destination, { nexthops: [] });
  await pass();
  t.deepEqual(await pass(settleMs), ['delete'], 'of the other');
  t.deepEqual(await pass(settleMs), []);
  t.false(table.busy, 'who knows that it is withdrawn calls for a pass');
  announced = false;
  t.deepEqual(await pass(settleMs), ['delete']);
});

test('an interface that comes has what wants it looked at, and what is missing is reported once', async t => {
  const { table, links, pass } = createTable();
  table.want(four, { nexthops: wanted(3) });
  table.want(six, { nexthops: wanted(3) });
  t.deepEqual(await pass(), []);
  t.deepEqual(table.takeNews().absent, ['p3']);
  table.relink(links.update([{ name: 'p3', index: 3, flags: 1, gone: false }]));
  t.deepEqual(await pass(), ['create', 'create']);
  table.relink(['p9']);
  t.false(table.busy);
});

test('what is refused is tried again at its time, or when an address comes', async t => {
  const { table, pass, kinds } = createTable();
  table.want(four, { nexthops: wanted(1) });
  t.deepEqual(await pass(0, { 0: errno.ENETUNREACH }), ['create']);
  t.deepEqual(await pass(1), []);
  t.deepEqual(
    [...table.failures()].map(({ destination }) => destination),
    [four],
  );
  t.is(table.counts().failed, 1);
  t.true(table.retryRefused());
  t.deepEqual(await pass(3), ['create']);
  t.deepEqual(kinds(), ['fail', 'advertise']);
  t.false(table.retryRefused());
});

test('an unknown outcome has the kernel read before it is written again', async t => {
  const { table, pass } = createTable();
  table.want(four, { nexthops: wanted(1) });
  await pass(0, { 0: outcomeUnknown });
  t.true(table.beliefs.inDoubt);
  t.true(table.busy);
});

test('a conflict has the kernel read, and is reported when that confirms it', async t => {
  const { table, pass, kinds } = createTable();
  table.want(four, { nexthops: wanted(1) });
  await pass(0, { 0: errno.EEXIST });
  t.deepEqual(kinds(), []);
  await table.beliefs.adopt(table.beliefs.beginReading(), 0, new TimeSlice(() => 0));
  t.deepEqual(kinds(), ['conflict']);
});

test('an outcome that crossed with a change of others is believed for now, and read', async t => {
  const { table, pass } = createTable();
  table.want(four, { nexthops: wanted(1) });
  await pass(0, {}, () => {
    table.beliefs.index.ensure(four).revision++;
  });
  t.true(table.announced.has(four));
  t.true(table.beliefs.inDoubt);
});

test('an outcome that crossed with the loss of an interface is read where it leads through that one', async t => {
  const { table, pass } = createTable();
  table.want(four, { nexthops: wanted(1) });
  await pass(0, {}, () => table.planner.loseLink(2, true));
  t.false(table.beliefs.inDoubt);
  table.want(six, { nexthops: wanted(1) });
  await pass(0, {}, () => table.planner.loseLink(1, true));
  t.true(table.beliefs.inDoubt);
});

test('an IPv4 route that may have vanished with an interface is created before it is replaced', async t => {
  const { table, links, pass } = createTable();
  table.want(four, { nexthops: wanted(1, 2) });
  table.want(six, { nexthops: wanted(1, 2) });
  await pass();
  const changed = links.update([{ name: 'p2', index: 2, flags: 0, gone: false }]);
  table.planner.loseLink(2, false);
  table.relink(changed);
  t.deepEqual(await pass(0, { 0: errno.EEXIST }), ['create', 'replace', 'replace']);
  t.true(table.announced.has(four));
});

test('what BIRD did not hear of is written again, or put as a tombstone and removed', async t => {
  const { table, pass, kinds } = createTable();
  table.want(four, { nexthops: wanted(1) });
  await pass();
  kinds();
  table.reannounce(four);
  table.reannounce(six);
  t.deepEqual(await pass(), ['replace', 'create']);
  t.deepEqual(await pass(), ['delete']);
  t.deepEqual(kinds(), ['advertise', 'disown', 'remove']);
  t.is(table.beliefs.index.get(six), undefined);
});

test('a route whose group was refused leads through the group as it was, and its failure is said', async t => {
  const { table, pass, kinds } = createTable({ groups: true });
  table.want(four, { nexthops: wanted(1) });
  t.is((await pass()).length, 4);
  table.want(four, { nexthops: wanted(1, 2) });
  // The second nexthop is refused, and so are its mark and the group that names it.
  await pass(0, { 0: errno.EHOSTUNREACH, 1: errno.ENOENT, 2: errno.EINVAL });
  t.deepEqual(kinds(), ['advertise', 'fail']);
  t.true(table.announced.has(four));
});

test('a route that was written while its group was refused is believed to lead through the group as it was', async t => {
  const { table, pass } = createTable({ groups: true });
  table.want(four, { nexthops: wanted(1) });
  await pass();
  table.want(four, { nexthops: wanted(1, 2), holdUntil: 5000 });
  await pass(0, { 0: errno.EHOSTUNREACH, 1: errno.ENOENT, 2: errno.EINVAL });
  t.deepEqual(table.counts(), { advertised: 0, unpeered: 0, held: 1, failed: 0 });
});
