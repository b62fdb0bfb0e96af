import test from 'ava';
import { Pace } from '../../lib/base/time-slice.ts';
import { RouteTable } from '../../lib/kernel/route-table.ts';
import { LinkTable } from '../../lib/kernel/socket/link-table.ts';

const up = 1;
const count = 1000;
const destinations = Array.from({ length: count }, (_, n) => `198.51.${n >> 8}.${n & 255}/32`);
const mayRemove = () => true;

/** A table that wants many destinations through p0, and a pace whose every rest calls `meanwhile`. */
function manyWanted(meanwhile: (rest: number) => void = () => {}) {
  const links = new LinkTable();
  links.replace(['p0', 'p1'].map((name, at) => ({ name, index: at + 1, flags: up })));
  const protocols = { advertise: 70, hold: 71 };
  const table = new RouteTable({ table: 254, metric: 16, protocols, settleMs: 50, links });
  void table.adopt(table.beginReading(), table.doubts, 0, new Pace(() => 0));
  const nexthops = [{ interface: 'p0', via: '10.1.1.2', weight: 1 }];
  for (const destination of destinations) table.want(destination, { nexthops });
  let clock = 0;
  let rests = 0;
  const pace = new Pace(
    () => clock++,
    async () => meanwhile(rests++),
  );
  const succeed = (length: number) =>
    Object.assign(new Int32Array(length), { messages: new Map<number, string>() });
  const pass = async () => {
    const plan = await table.plan(0, mayRemove, pace);
    await table.settle(plan, succeed(plan.batch.length), 0, pace);
    return plan.requests.length;
  };
  return { table, pace, pass, rests: () => rests };
}

test('a large plan rests in the middle, and is whole all the same', async t => {
  const { table, pass, rests } = manyWanted();
  t.is(await pass(), count);
  t.true(rests() > 1, `${rests()} rests`);
  t.is(table.announced.size, count);
  t.false(table.busy, 'what is settled is not looked at again');
});

test('a plan for few does not rest', async t => {
  const { table, pass, rests } = manyWanted();
  await pass();
  const before = rests();
  table.want('192.0.2.1/32', { nexthops: [{ interface: 'p1', via: '10.1.2.2', weight: 1 }] });
  t.is(await pass(), 1);
  t.is(rests(), before);
});

test('an interface that goes while a plan is made leaves nothing believed of what leads through it', async t => {
  const { table, pass } = manyWanted(rest => rest === 0 && table.loseLink(1, true));
  await pass();
  t.true(table.suspect);
});

test('what is wanted while a plan is made is for the next one', async t => {
  const moved = destinations[0] as string;
  const nexthops = [{ interface: 'p1', via: '10.1.2.2', weight: 1 }];
  const { table, pass } = manyWanted(rest => rest === 0 && table.want(moved, { nexthops }));
  t.is(await pass(), count);
  t.is(await pass(), 1);
  t.false(table.busy);
});

test('a plan of which nobody knows what became is made again whole', async t => {
  const { table, pace, pass } = manyWanted();
  table.abandon(await table.plan(0, mayRemove, pace));
  t.true(table.busy);
  t.is(await pass(), count);
});
