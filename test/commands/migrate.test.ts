import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { established, fabric, gateways, type Node, plainConfig, rendered } from '../bird/fabric.ts';
import {
  type AgentFiles,
  birdOf,
  layOutAgent,
  runCommand,
  startAgent,
  writeAllocations,
  writePod,
} from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually, type Namespace } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

const allocation = (index: number, anycast: string[]) => ({
  namespace: 'default',
  name: `dns-${index}`,
  uid: `dns-${index}`,
  hostInterface: `p${index}`,
  ipv4: `10.1.${index + 1}.2`,
  ipv6: `fd00:1:${index + 1}::2`,
  anycast,
  state: 'committed' as const,
});

const lines = (text: string) => text.split('\n').filter(line => line !== '');

/** Every route of protocol boot in table main, as ip prints it. */
async function bootRoutes(node: Namespace): Promise<string[]> {
  const all = await Promise.all(
    ['-4', '-6'].map(family => node.ip(family, 'route', 'show', 'proto', 'boot')),
  );
  return all.flatMap(lines).map(line => line.trim());
}

test("the original agent's routes become ours; every other route stays, and the reason is printed", async t => {
  const lab = await createNodeLab(t, 2);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  const anycast = [
    '192.0.2.1',
    '192.0.2.2',
    '2001:db8::1',
    '2001:db8::2',
    '192.0.2.5',
    '192.0.2.6',
    '192.0.2.7',
  ];
  writeAllocations(files, [allocation(0, anycast), allocation(1, anycast)]);
  await lab.lab.link(lab.node, 'uplink', lab.pods, 'world');
  await lab.node.configure('uplink', '10.9.0.1/24');
  const foreign = [
    'route add 192.0.2.5/32 via 10.9.0.2 proto boot',
    'route add 192.0.2.6/32 via 10.1.1.2 metric 100 proto boot',
    'route add blackhole 192.0.2.7/32 proto boot',
    'route add 198.51.100.1/32 via 10.1.1.2 proto boot',
    'route add 198.51.100.0/24 via 10.9.0.2 proto boot',
    'route add 192.0.2.1/32 via 10.9.0.2 metric 50 proto boot',
  ];
  await lab.node.ipBatch([
    ...foreign,
    'route add 192.0.2.1/32 nexthop via 10.1.1.2 nexthop via 10.1.2.2',
    'route add 192.0.2.2/32 via 10.1.2.2 dev p1',
    'route add 192.0.2.2/32 via 10.9.0.2 metric 7 proto static',
    'route add 2001:db8::1/128 nexthop via fd00:1:1::2 dev p0 nexthop via fd00:1:2::2 dev p1',
    'route add 2001:db8::2/128 via fd00:1:1::2 dev p0',
  ]);
  const { code, out, err } = await runCommand(lab.node, files, 'migrate');
  t.deepEqual([code, err], [0, '']);
  t.deepEqual([...out].sort(), [
    'stays: 192.0.2.1/32 via 10.9.0.2%uplink: it has metric 50, not the default (0)',
    "stays: 192.0.2.5/32 via 10.9.0.2%uplink: it leads through uplink, which is no pod's interface",
    'stays: 192.0.2.6/32 via 10.1.1.2%p0: it has metric 100, not the default (0)',
    'stays: 192.0.2.7/32: it is no unicast route (but blackhole, unreachable or the like)',
    'stays: 198.51.100.1/32 via 10.1.1.2%p0: no allocation has this anycast address',
    'to take over: 192.0.2.1/32 via 10.1.1.2%p0, 10.1.2.2%p1',
    'to take over: 192.0.2.2/32 via 10.1.2.2%p1',
    'to take over: 2001:db8::1/128 via fd00:1:1::2%p0, fd00:1:2::2%p1',
    'to take over: 2001:db8::2/128 via fd00:1:1::2%p0',
    'took over 4 route(s); start the agent, which then keeps them up to date',
  ]);
  t.is((await bootRoutes(lab.node)).length, foreign.length);
  t.is((await routesOf(lab.node, 4)).length, 1);
  t.deepEqual(
    (await routesOf(lab.node, 70)).map(({ destination, nexthops }) => [destination, nexthops]),
    [
      ['192.0.2.1/32', ['10.1.1.2%p0', '10.1.2.2%p1']],
      ['192.0.2.2/32', ['10.1.2.2%p1']],
      ['2001:db8::1/128', ['fd00:1:1::2%p0', 'fd00:1:2::2%p1']],
      ['2001:db8::2/128', ['fd00:1:1::2%p0']],
    ],
  );
  const again = await runCommand(lab.node, files, 'migrate', { args: [] });
  t.is(again.code, 0);
  t.is(again.out.at(-1), 'there is nothing to take over');
});

test('without --yes and a terminal it lists, and changes nothing', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, [allocation(0, ['192.0.2.1'])]);
  await lab.node.ip('route', 'add', '192.0.2.1', 'via', '10.1.1.2');
  const { code, out, err } = await runCommand(lab.node, files, 'migrate', { args: [] });
  t.is(code, 1);
  t.deepEqual(out, ['to take over: 192.0.2.1/32 via 10.1.1.2%p0']);
  t.regex(err, /FLOCK_NOT_CONFIRMED/);
  t.is((await bootRoutes(lab.node)).length, 1);
  t.is((await routesOf(lab.node, 70)).length, 0);
});

test("where another owner's route has our key, the original agent's route stays", async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, [allocation(0, ['192.0.2.1', '192.0.2.2'])]);
  await lab.node.ipBatch([
    'route add 192.0.2.1/32 via 10.1.1.2',
    'route add 192.0.2.2/32 via 10.1.1.2',
    'route add 192.0.2.1/32 via 10.1.1.2 metric 16 proto 98',
  ]);
  const { code, err } = await runCommand(lab.node, files, 'migrate');
  t.is(code, 1);
  t.regex(
    err,
    /1 route\(s\) were not taken over: 192\.0\.2\.1\/32 .*: another owner has a route with our table.*FLOCK_MIGRATE_INCOMPLETE/,
  );
  t.is((await routesOf(lab.node, 98)).length, 1);
  t.is((await bootRoutes(lab.node)).length, 1);
  t.deepEqual(
    (await routesOf(lab.node, 70)).map(({ destination }) => destination),
    ['192.0.2.2/32'],
  );
});

test('without the allocations it can not know which routes lead to pods, and changes nothing', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  await lab.node.ip('route', 'add', '192.0.2.1', 'via', '10.1.1.2');
  const { code, err } = await runCommand(lab.node, files, 'migrate');
  t.is(code, 1);
  t.regex(err, /FLOCK_ALLOCATIONS_INVALID/);
  t.is((await bootRoutes(lab.node)).length, 1);
});

/** Looks routes up without a pause, until the first look-up that finds none. */
function lookUp({ node, addresses }: { node: Namespace; addresses: string[] }) {
  const { dir } = node.lab;
  const each = ['-4', '-6'].map(family => {
    const file = join(dir, `look-up${family}`);
    const own = addresses.filter(address => address.includes(':') === (family === '-6'));
    writeFileSync(file, `${own.map(address => `route get ${address}`).join('\n')}\n`.repeat(50));
    return `while ip ${family} -batch ${file} >/dev/null; do echo .; done`;
  });
  const children = each.map(script =>
    node.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const state = { rounds: 0, failures: '' };
  for (const child of children) {
    child.stdout?.on('data', data => {
      state.rounds += String(data).trim().split('\n').length;
    });
    child.stderr?.on('data', data => {
      state.failures += data;
    });
  }
  return { state, stop: () => children.map(child => child.kill('SIGKILL')) };
}

test('no look-up fails during the take-over; afterwards the peer has all routes, and none before', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [{ host: node }] = nodes as [Node];
  const files: AgentFiles = layOutAgent(join(lab.dir, 'agent'));
  const addresses = Array.from({ length: 50 }, (_, index) => [
    `192.0.2.${index + 1}`,
    `2001:db8::${index + 1}`,
  ]).flat();
  const pod = { namespace: 'default', name: 'dns', uid: 'dns', hostInterface: 'pod0' };
  writeAllocations(files, [
    { ...pod, ipv4: '10.1.10.2', ipv6: 'fd01:10::2', anycast: addresses, state: 'committed' },
  ]);
  writePod(files, 'dns', { ready: true });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const bird = await startBird(node, {
    ...birdOf(files),
    config: rendered(nodes[0] as Node),
  });
  await established(bird, 2);
  await node.ipBatch(
    addresses.map(
      address => `route add ${address} via ${address.includes(':') ? 'fd01:10::2' : '10.1.10.2'}`,
    ),
  );
  const looking = lookUp({ node, addresses });
  t.teardown(looking.stop);
  await eventually('look-ups', () => looking.state.rounds > 4);
  t.is((await gateways(router, '192.0.2.1/32')).length, 0, "BIRD announces no other owner's route");

  const before = looking.state.rounds;
  const { code, err } = await runCommand(node, files, 'migrate');
  t.deepEqual([code, err], [0, '']);
  await eventually('more look-ups', () => looking.state.rounds > before + 4);
  t.is(looking.state.failures, '');
  for (const address of addresses.slice(-2)) {
    const prefix = `${address}/${address.includes(':') ? 128 : 32}`;
    await eventually(prefix, async () => (await gateways(router, prefix)).length === 1);
  }
  await node.ip('route', 'del', '192.0.2.1/32', 'proto', '70');
  await eventually('a look-up to fail where a route is missing', () => looking.state.failures !== '');
  const agent = startAgent(node, files);
  await agent.logged(`in sync: ${addresses.length - 1} route(s) of ours`);
  await eventually('all routes', async () => (await routesOf(node, 70)).length === addresses.length);
});
