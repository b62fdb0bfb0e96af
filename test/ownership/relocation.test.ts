/** Moving routes in the kernel: routes that can not be moved, routes of other owners, and interrupted moves. */
import test, { type ExecutionContext } from 'ava';
import { createLog } from '../../lib/base/log.ts';
import type { RouteIdentity } from '../../lib/config/route-identity.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { Relocation } from '../../lib/ownership/relocation.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { watchRoutes } from '../support/route-watch.ts';

const from: RouteIdentity = { table: 254, metric: 16, protocols: { advertise: 70, hold: 71 } };
const elsewhere: RouteIdentity = { table: 254, metric: 20, protocols: { advertise: 80, hold: 81 } };
const renumbered: RouteIdentity = { ...from, protocols: { advertise: 80, hold: 81 } };

function relocate(
  t: ExecutionContext,
  { node }: NodeLab,
  present: RouteIdentity,
  former = [from],
): Relocation {
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  return new Relocation({ socket, present, former, settleMs: 10, log: createLog('silent') });
}

/** `destination nexthop` of all routes of one protocol number. */
const of = async ({ node }: NodeLab, protocol: number) =>
  (await routesOf(node, protocol)).map(({ destination, nexthops }) => `${destination} ${nexthops}`);

for (const [what, present] of [
  ['to another metric and numbers', elsewhere],
  ['to other numbers in place', renumbered],
] as const) {
  test(`${what}: tags and nexthops stay as they are, others' routes too`, async t => {
    const lab = await createNodeLab(t, 2);
    await lab.node.ipBatch([
      'route add 192.0.2.1/32 metric 16 proto 70 nexthop via 10.1.1.2 nexthop via 10.1.2.2 weight 3',
      'route add 2001:db8::1/128 metric 16 proto 70 nexthop via fd00:1:1::2 nexthop via fd00:1:2::2',
      'route add 192.0.2.2/32 via 10.1.1.2 metric 16 proto 71',
      'route add 192.0.2.1/32 via 10.1.1.2 metric 17 proto 70',
      'route add 192.0.2.3/32 via 10.1.1.2 metric 16 proto 98',
      'route add 192.0.2.4/32 via 10.1.1.2 metric 20 proto 98',
    ]);
    const relocation = relocate(t, lab, present);
    await relocation.move();
    t.deepEqual(await of(lab, 80), [
      '192.0.2.1/32 10.1.1.2%p0,10.1.2.2%p1',
      '2001:db8::1/128 fd00:1:1::2%p0,fd00:1:2::2%p1',
    ]);
    t.deepEqual(await of(lab, 81), ['192.0.2.2/32 10.1.1.2%p0']);
    t.deepEqual(await of(lab, 70), ['192.0.2.1/32 10.1.1.2%p0']);
    t.is((await of(lab, 98)).length, 2);
    t.true(await relocation.sweep(() => true));
    t.is((await of(lab, 80)).length, 2);
  });
}

test('unreachable routes of announced prefixes take the number of the present identity', async t => {
  const lab = await createNodeLab(t, 1);
  const worst = 'metric 4294967295';
  await lab.node.ipBatch([
    `route add unreachable 10.244.3.0/24 ${worst} proto 71`,
    `route add unreachable fd44:3::/64 ${worst} proto 71`,
    `route add unreachable 10.244.4.0/24 ${worst} proto 98`,
  ]);
  await relocate(t, lab, renumbered).movePrefixRoutes();
  const seen: string[] = [];
  for (const family of ['-4', '-6']) {
    const routes = await lab.node.ipJson<{ dst: string; protocol: string }[]>(
      ...['-N', family, 'route', 'show', 'type', 'unreachable', 'metric', '4294967295'],
    );
    seen.push(...routes.map(({ dst, protocol }) => `${dst} ${protocol}`));
  }
  t.deepEqual(seen.sort(), ['10.244.3.0/24 81', '10.244.4.0/24 98', 'fd44:3::/64 81']);
});

test('after an interrupted move, the next start goes on', async t => {
  const lab = await createNodeLab(t, 1);
  await lab.node.ipBatch([
    'route add 192.0.2.1/32 via 10.1.1.2 metric 16 proto 70',
    'route add 192.0.2.1/32 via 10.1.1.2 metric 20 proto 80',
    'route add 192.0.2.2/32 via 10.1.1.2 metric 16 proto 70',
  ]);
  await relocate(t, lab, elsewhere).move();
  t.deepEqual(await of(lab, 70), []);
  t.is((await of(lab, 80)).length, 2);
});

test('a withdrawn route that a killed run left at the new key does not take the place of the announced one', async t => {
  const lab = await createNodeLab(t, 2);
  // A start with `back` withdrew what it could not want, and was killed before it removed it.
  const back: RouteIdentity = { ...from, metric: 20 };
  await lab.node.ipBatch([
    'route add 192.0.2.1/32 via 10.1.2.2 metric 16 proto 71',
    'route add 192.0.2.1/32 via 10.1.1.2 metric 20 proto 70',
    'route add 2001:db8::1/128 via fd00:1:2::2 metric 16 proto 71',
    'route add 2001:db8::1/128 via fd00:1:1::2 metric 20 proto 70',
    // Withdrawn in both.
    'route add 192.0.2.2/32 via 10.1.1.2 metric 16 proto 71',
    'route add 192.0.2.2/32 via 10.1.1.2 metric 20 proto 71',
  ]);
  await relocate(t, lab, from, [back]).move();
  t.deepEqual(await of(lab, 70), ['192.0.2.1/32 10.1.1.2%p0', '2001:db8::1/128 fd00:1:1::2%p0']);
  t.deepEqual(await of(lab, 71), ['192.0.2.2/32 10.1.1.2%p0']);
});

test("where another owner's route has the new key, the old route stays until a pass, is then withdrawn, and removed", async t => {
  const lab = await createNodeLab(t, 1);
  await lab.node.ipBatch([
    'route add 192.0.2.1/32 via 10.1.1.2 metric 16 proto 70',
    'route add 192.0.2.1/32 via 10.1.1.2 metric 20 proto 98',
  ]);
  const relocation = relocate(t, lab, elsewhere);
  await relocation.move();
  t.is((await of(lab, 70)).length, 1);
  t.is((await of(lab, 98)).length, 1);
  t.false(await relocation.sweep(() => false), 'BIRD still announces it');
  t.is((await of(lab, 71)).length, 1);
  const watch = watchRoutes(lab.node, [70, 71, 98]);
  t.teardown(() => watch.stop());
  t.true(await relocation.sweep(() => true));
  t.is((await of(lab, 71)).length, 0);
  t.is((await of(lab, 98)).length, 1);
});

test('a route whose nexthop is dead can not be moved; the old route is removed when the new one exists', async t => {
  const lab = await createNodeLab(t, 2);
  await lab.node.ip(
    'route',
    'add',
    '192.0.2.1/32',
    'metric',
    '16',
    'proto',
    '70',
    'nexthop',
    'via',
    '10.1.1.2',
    'nexthop',
    'via',
    '10.1.2.2',
  );
  await lab.node.ip('link', 'set', 'p1', 'down');
  const relocation = relocate(t, lab, elsewhere);
  await relocation.move();
  t.is((await of(lab, 70)).length, 1, 'it still forwards through the other nexthop');
  // As the reconciler's first pass does.
  await lab.node.ip('route', 'add', '192.0.2.1/32', 'via', '10.1.1.2', 'metric', '20', 'proto', '80');
  t.true(await relocation.sweep(() => false));
  t.deepEqual(await of(lab, 70), []);
  t.is((await of(lab, 80)).length, 1);
});

test('several former identities become one', async t => {
  const lab = await createNodeLab(t, 1);
  const third: RouteIdentity = { table: 100, metric: 5, protocols: { advertise: 90, hold: 91 } };
  await lab.node.ipBatch([
    'route add 192.0.2.1/32 via 10.1.1.2 metric 16 proto 70',
    'route add 192.0.2.2/32 via 10.1.1.2 metric 5 proto 90 table 100',
  ]);
  await relocate(t, lab, elsewhere, [from, third]).move();
  t.is((await of(lab, 80)).length, 2);
  t.deepEqual(await routesOf(lab.node, 90, 'all'), []);
});
