/** The unreachable routes behind announced prefixes, on a real kernel. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { PrefixRoutes } from '../../lib/kernel/prefix-routes.ts';
import { addPrefixRoute } from '../../lib/kernel/socket/prefix-route.ts';
import { Operation } from '../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { handClock } from '../support/hand-clock.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab } from '../support/node-lab.ts';
import { hold, program } from '../support/program.ts';

const auditMs = 30_000;
const both = ['10.244.3.0/24', 'fd44:3::/64'];

/** `destination protocol` of the unreachable routes at the worst metric. */
async function unreachable({ node }: NodeLab): Promise<string[]> {
  const found: string[] = [];
  for (const family of ['-4', '-6']) {
    const routes = await node.ipJson<{ dst: string; protocol: string; metric: number }[]>(
      ...['-N', family, 'route', 'show', 'table', 'main', 'type', 'unreachable'],
    );
    for (const { dst, protocol, metric } of routes)
      if (metric === 2 ** 32 - 1) found.push(`${dst} ${protocol}`);
  }
  return found.sort();
}

const ours = both.map(prefix => `${prefix} ${hold}`);
const is = (lab: NodeLab, what: string[]) =>
  eventually(`the unreachable routes ${what}`, async () => String(await unreachable(lab)) === String(what));

function keep(t: ExecutionContext, { node }: NodeLab) {
  const socket = new RouteSocket({ netns: node.path });
  const clock = handClock();
  const lines: { code?: string; event: string }[] = [];
  const log = pino({ messageKey: 'event' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const routes = new PrefixRoutes({ socket, protocol: hold, auditMs, clock, log });
  t.teardown(async () => {
    await routes.stop();
    await socket.close();
  });
  return { socket, clock, lines, routes };
}

test('each announced prefix has one, and what is announced no more has none', async t => {
  const lab = await createNodeLab(t, 1);
  const { routes } = keep(t, lab);
  routes.follow(both);
  await is(lab, ours);
  routes.follow(both.slice(0, 1));
  await is(lab, ours.slice(0, 1));
  routes.follow([]);
  await is(lab, []);
  t.pass();
});

test('routes of pods and of a CNI win, whatever their metric', async t => {
  const lab = await createNodeLab(t, 1);
  const { routes } = keep(t, lab);
  routes.follow(both);
  await is(lab, ours);
  const way = async (address: string) =>
    (await lab.node.ip('route', 'get', address).catch(error => String(error))).match(/dev (p0)/)?.[1];
  await lab.node.ipBatch(['route add 10.244.3.7 dev p0', 'route add fd44:3::7 dev p0 metric 4294967294']);
  t.deepEqual([await way('10.244.3.7'), await way('fd44:3::7')], ['p0', 'p0']);
  t.deepEqual([await way('10.244.3.8'), await way('fd44:3::8')], [undefined, undefined]);
  await lab.node.ipBatch([
    'route add 10.244.3.0/24 dev p0 metric 4294967294',
    'route add fd44:3::/64 dev p0 metric 4294967294',
  ]);
  t.deepEqual([await way('10.244.3.8'), await way('fd44:3::8')], ['p0', 'p0']);
});

test('the kernel is the truth: what is deleted comes back, and no reading of our routes removes it', async t => {
  const lab = await createNodeLab(t, 1);
  const { routes, socket, clock } = keep(t, lab);
  routes.follow(both);
  await is(lab, ours);
  for (const prefix of both) await lab.node.ip('route', 'del', 'unreachable', prefix, 'metric', '4294967295');
  await is(lab, ours);
  // By our own socket, so that nobody is notified.
  const batch = new RouteBatch();
  for (const prefix of both) addPrefixRoute(batch, Operation.delete, prefix, hold);
  t.deepEqual([...(await socket.apply(batch.bytes()))], [0, 0]);
  clock.advance(auditMs);
  await is(lab, ours);

  const { programmer, table, settle } = await program(t, lab);
  table.want('10.244.3.0/32', { nexthops: [lab.nexthop(0)] });
  await settle();
  await programmer.read();
  await settle();
  t.deepEqual(await unreachable(lab), ours);
});

test('what is deleted while our routes are being read comes back', async t => {
  const lab = await createNodeLab(t, 1);
  const { routes, socket } = keep(t, lab);
  const [prefix, route] = [both[0] as string, 'metric 4294967295'.split(' ')];
  await lab.node.ip('route', 'add', 'unreachable', prefix, ...route, 'proto', `${hold}`);
  const [read, told] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { dump, monitor } = { dump: socket.dump.bind(socket), monitor: socket.monitor.bind(socket) };
  socket.monitor = (options, callback) =>
    monitor(options, changes => {
      callback(changes);
      told.resolve();
    });
  socket.dump = async options => {
    const found = await dump(options);
    read.resolve();
    await told.promise;
    return found;
  };
  routes.follow([prefix]);
  await read.promise;
  await lab.node.ip('route', 'del', 'unreachable', prefix, ...route);
  await is(lab, ours.slice(0, 1));
  t.pass();
});

test('while others keep deleting it, restoring waits and is reported once', async t => {
  const lab = await createNodeLab(t, 1);
  const { routes, clock, lines } = keep(t, lab);
  const contests = () => lines.filter(({ code }) => code === 'PREFIX_ROUTES_CONTESTED');
  routes.follow(both.slice(0, 1));
  for (let round = 0; round < 6; round++) {
    await is(lab, ours.slice(0, 1));
    await lab.node.ip('route', 'del', 'unreachable', '10.244.3.0/24', 'metric', '4294967295');
  }
  await eventually('a line about it', () => contests().length > 0);
  t.deepEqual(await unreachable(lab), []);
  clock.advance(1000);
  await is(lab, ours.slice(0, 1));
  t.is(contests().length, 1);
});

test("another owner's route at the same place stays as it is", async t => {
  const lab = await createNodeLab(t, 1);
  const { routes, lines } = keep(t, lab);
  await lab.node.ip('route', 'add', 'unreachable', '10.244.3.0/24', 'metric', '4294967295', 'proto', '98');
  routes.follow(both);
  const mixed = ['10.244.3.0/24 98', ...ours.slice(1)];
  await is(lab, mixed);
  routes.follow([]);
  await is(lab, mixed.slice(0, 1));
  t.deepEqual(
    lines.filter(({ code }) => code !== undefined),
    [],
  );
});

test('what an earlier run left stays until it is known what is announced; a BIRD that is away adds nothing', async t => {
  const lab = await createNodeLab(t, 1);
  const left = ['10.244.4.0/24', '10.244.3.0/24'];
  for (const prefix of left)
    await lab.node.ip(...['route', 'add', 'unreachable', prefix, 'metric', '4294967295', 'proto', `${hold}`]);
  const { routes, clock } = keep(t, lab);
  clock.advance(auditMs);
  t.is((await unreachable(lab)).length, 2);
  routes.narrow(both);
  await is(lab, ours.slice(0, 1));
  routes.follow(both);
  await is(lab, ours);
});

test('a failure is reported once, and tried again', async t => {
  const lab = await createNodeLab(t, 1);
  const { routes, clock, lines, socket } = keep(t, lab);
  const apply = socket.apply.bind(socket);
  let left = 2;
  socket.apply = batch =>
    left-- > 0 ? Promise.reject(new Error('no buffer space (ENOBUFS)')) : apply(batch);
  routes.follow(both);
  const failures = () => lines.filter(({ code }) => code === 'PREFIX_ROUTE_FAILED');
  await eventually('the failure', () => failures().length > 0);
  await eventually('another try', () => {
    clock.advance(auditMs);
    return left <= 0;
  });
  clock.advance(auditMs);
  await is(lab, ours);
  t.is(failures().length, 1);
});
