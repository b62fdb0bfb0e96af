/** What BIRD does not see, or sees wrongly: first the harm at the peer, then that it is gone with us. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { watchRoutes } from '../support/route-watch.ts';
import { type Fabric, fabric, gateways, plainConfig, startNode } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';
const rest = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

/** A node whose two pods serve both addresses, with a real agent and BIRD. */
async function served(t: ExecutionContext, config: Record<string, unknown> = {}): Promise<Fabric> {
  const world = await fabric(1);
  t.teardown(() => world.lab.destroy());
  const [node] = world.nodes as [(typeof world.nodes)[0]];
  const files = layOutAgent(join(world.lab.dir, 'agent'), config);
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  writeAllocations(
    files,
    [0, 1].map(pod => ({
      namespace: 'default',
      name: `dns-${pod}`,
      uid: `dns-${pod}`,
      hostInterface: `pod${pod}`,
      ipv4: `10.1.1${pod}.2`,
      ipv6: `fd01:1${pod}::2`,
      anycast: ['192.0.2.53', '2001:db8::53'],
      state: 'committed' as const,
    })),
  );
  for (const pod of [0, 1]) writePod(files, `dns-${pod}`, { ready: true });
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration');
  await startBird(node.host, { name: 'node1', configPath: files.birdConfig, socketPath: files.birdSocket });
  await eventually('both addresses at the router', async () => {
    return (await gateways(world.router, four)).length + (await gateways(world.router, six)).length === 2;
  });
  return world;
}

test('an IPv4 route that goes with an address is a black hole for a minute; with us the peer knows at once', async t => {
  const harm = await fabric(1);
  t.teardown(() => harm.lab.destroy());
  const [blind] = harm.nodes as [(typeof harm.nodes)[0]];
  await startNode(blind);
  await blind.host.ip('route', 'add', four, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await eventually('the route at the router', async () => (await gateways(harm.router, four)).length === 1);
  await blind.host.ip('addr', 'del', '10.1.10.1/24', 'dev', 'pod0');
  await rest(500);
  t.is((await gateways(harm.router, four)).length, 1, 'the harm: BIRD has not seen it go');

  const { router, nodes } = await served(t);
  const [node] = nodes as [(typeof nodes)[0]];
  const watch = watchRoutes(router, [12]);
  t.teardown(() => watch.stop());
  await node.host.ipBatch(['addr del 10.1.10.1/24 dev pod0', 'addr del 10.1.11.1/24 dev pod1']);
  const removed = performance.now();
  const withdrawal = await eventually(
    'the withdrawal at the router',
    () => watch.seen.find(({ address, gone }) => address === '192.0.2.53' && gone),
    { intervalMs: 1 },
  );
  t.log(`withdrawn ${(withdrawal.at - removed).toFixed(1)} ms after ip had ended`);
  t.is((await gateways(router, six)).length, 1);
});

test('one IPv6 nexthop that is deleted withdraws the whole; with us the peer has it again at once', async t => {
  const harm = await fabric(1);
  t.teardown(() => harm.lab.destroy());
  const [blind] = harm.nodes as [(typeof harm.nodes)[0]];
  await startNode(blind);
  const hops = ['nexthop', 'via', 'fd01:10::2', 'nexthop', 'via', 'fd01:11::2'];
  await blind.host.ip('route', 'add', six, 'metric', '16', 'proto', '70', ...hops);
  await eventually('the route at the router', async () => (await gateways(harm.router, six)).length === 1);
  const partial = ['route', 'del', six, 'via', 'fd01:10::2', 'dev', 'pod0', 'metric', '16', 'proto', '70'];
  await blind.host.ip(...partial);
  await rest(500);
  t.is((await gateways(harm.router, six)).length, 0, 'the harm: the other nexthop is alive');

  const { router, nodes } = await served(t);
  const [node] = nodes as [(typeof nodes)[0]];
  await node.host.ip(...partial);
  await rest(200);
  t.is((await gateways(router, six)).length, 1);
});

const losses = [
  ['its own end', async ({ nodes }: Fabric) => void (await nodes[0]?.host.ip('link', 'delete', 'pod0'))],
  [
    'its being set down',
    async ({ nodes }: Fabric) => void (await nodes[0]?.host.ip('link', 'set', 'pod0', 'down')),
  ],
] as const;

for (const [what, end] of losses) {
  for (const nexthops of ['multipath', 'groups', 'resilient']) {
    test(`with ${nexthops}, a veth's loss by ${what} leaves the siblings announced`, async t => {
      const world = await served(t, { routes: { nexthops } });
      const watch = watchRoutes(world.router, [12]);
      t.teardown(() => watch.stop());
      await end(world);
      await rest(1000);
      t.is((await gateways(world.router, four)).length, 1);
      t.is((await gateways(world.router, six)).length, 1);
      // The kernel tells BIRD of the link before it takes the nexthop out of IPv4 routes, and BIRD reads them at once:
      // one that still leads through the link is strange to it, and dropped until we write it again. Which of the two
      // is first is nobody's choice; a withdrawal must not last.
      for (const [index, { address, at, gone }] of watch.seen.entries()) {
        if (!gone) continue;
        const back = watch.seen.slice(index).find(sighting => sighting.address === address && !sighting.gone);
        t.log(`${address} was withdrawn for ${((back?.at ?? Number.NaN) - at).toFixed(1)} ms`);
        t.true(back !== undefined);
      }
    });
  }

  test(`in filter mode a veth's loss by ${what} is no event at the peer`, async t => {
    const world = await served(t, { bird: { mode: 'filter' } });
    const watch = watchRoutes(world.router, [12]);
    t.teardown(() => watch.stop());
    await end(world);
    await rest(1000);
    t.is((await gateways(world.router, four)).length, 1);
    t.is((await gateways(world.router, six)).length, 1);
    t.deepEqual(watch.seen, []);
  });
}
