import test from 'ava';
import { TimeSlice } from '../../lib/base/time-slice.ts';
import { RouteTable } from '../../lib/kernel/route-table.ts';
import { LinkTable } from '../../lib/kernel/socket/link-table.ts';

const up = 1;
const count = 1000;
const destinations = Array.from({ length: count }, (_, n) => `198.51.${n >> 8}.${n & 255}/32`);

/** A table that wants many destinations through p0, and a slice that calls `meanwhile` whenever it yields. */
function manyWanted(meanwhile: (turn: number) => void = () => {}) {
  const links = new LinkTable();
  links.replace(['p0', 'p1'].map((name, at) => ({ name, index: at + 1, flags: up })));
  const protocols = { advertise: 70, hold: 71 };
  const table = new RouteTable({ table: 254, metric: 16, protocols, settleMs: 50, links });
  void table.beliefs.adopt(table.beliefs.beginReading(), 0, new TimeSlice(() => 0));
  const nexthops = [{ interface: 'p0', via: '10.1.1.2', weight: 1 }];
  for (const destination of destinations) table.want(destination, { nexthops });
  let clock = 0;
  let yields = 0;
  const slice = new TimeSlice(
    () => clock++,
    async () => meanwhile(yields++),
  );
  const succeed = (length: number) =>
    Object.assign(new Int32Array(length), { messages: new Map<number, string>() });
  const pass = async () => {
    const plan = await table.planner.plan(0, slice);
    await table.planner.settle(plan, succeed(plan.batch.length), 0, slice);
    return plan.requests.length;
  };
  return { table, slice, pass, yields: () => yields };
}

test('a large plan yields in the middle, and is still whole', async t => {
  const { table, pass, yields } = manyWanted();
  t.is(await pass(), count);
  t.true(yields() > 1, `${yields()} yields`);
  t.is(table.announced.size, count);
  t.false(table.busy, 'what is settled is not looked at again');
});

test('a plan for few does not yield', async t => {
  const { table, pass, yields } = manyWanted();
  await pass();
  const before = yields();
  table.want('192.0.2.1/32', { nexthops: [{ interface: 'p1', via: '10.1.2.2', weight: 1 }] });
  t.is(await pass(), 1);
  t.is(yields(), before);
});

test('an interface that goes while a plan is made leaves nothing believed of what leads through it', async t => {
  const { table, pass } = manyWanted(turn => turn === 0 && table.planner.loseLink(1, true));
  await pass();
  t.true(table.beliefs.inDoubt);
});

test('what is wanted while a plan is made is for the next one', async t => {
  const moved = destinations[0] as string;
  const nexthops = [{ interface: 'p1', via: '10.1.2.2', weight: 1 }];
  const { table, pass } = manyWanted(turn => turn === 0 && table.want(moved, { nexthops }));
  t.is(await pass(), count);
  t.is(await pass(), 1);
  t.false(table.busy);
});

test('a plan of which nobody knows what became is made again whole', async t => {
  const { table, slice, pass } = manyWanted();
  table.planner.abandon(await table.planner.plan(0, slice));
  t.true(table.busy);
  t.is(await pass(), count);
});
