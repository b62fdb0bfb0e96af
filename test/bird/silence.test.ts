/** Changes that BIRD misses or misreads: first the effect at the peer without the agent, then with the agent. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { birdOf, layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { type RouteSighting, watchRoutes } from '../support/route-watch.ts';
import { established, type Fabric, fabric, gateways, type Node, plainConfig, rendered } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';
const other = '192.0.2.54/32';
/** For a node without the agent: BIRD's own scans would find the changes that it misses. */
const withoutScans = (node: Node) => rendered(node).replaceAll(/scan time \d+;/g, 'scan time 3600;');

/** A node with BIRD alone. */
async function blind(t: ExecutionContext): Promise<Fabric & { node: Node }> {
  const world = await fabric(1);
  t.teardown(() => world.lab.destroy());
  const [node] = world.nodes as [Node];
  await established(await startBird(node.host, { name: 'node1', config: withoutScans(node) }), 2);
  return { ...world, node };
}

interface Served extends Fabric {
  node: Node;
  /** Announces one more route and waits until the router has it: earlier changes have then reached the router too. */
  routerIsUpToDate(): Promise<void>;
}

/** A node whose two pods serve both addresses, with a real agent and BIRD. */
async function served(t: ExecutionContext, config: Record<string, unknown> = {}): Promise<Served> {
  const world = await fabric(1);
  t.teardown(() => world.lab.destroy());
  const [node] = world.nodes as [Node];
  const files = layOutAgent(join(world.lab.dir, 'agent'), config);
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const serve = (anycast: string[]) =>
    writeAllocations(
      files,
      [0, 1].map(pod => ({
        namespace: 'default',
        name: `dns-${pod}`,
        uid: `dns-${pod}`,
        hostInterface: `pod${pod}`,
        ipv4: `10.1.1${pod}.2`,
        ipv6: `fd01:1${pod}::2`,
        anycast,
        state: 'committed' as const,
      })),
    );
  const atRouter = (prefixes: string[]) =>
    eventually(`${prefixes} at the router`, async () => {
      const found = await Promise.all(prefixes.map(prefix => gateways(world.router, prefix)));
      return found.every(({ length }) => length === 1);
    });
  const addresses = ['192.0.2.53', '2001:db8::53'];
  serve(addresses);
  for (const pod of [0, 1]) writePod(files, `dns-${pod}`, { ready: true });
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration');
  await startBird(node.host, birdOf(files));
  await atRouter([four, six]);
  const routerIsUpToDate = () => {
    serve([...addresses, '192.0.2.54', '2001:db8::54']);
    return atRouter(['192.0.2.54/32', '2001:db8::54/128']).then(() => undefined);
  };
  return { ...world, node, routerIsUpToDate };
}

/** Those of the two addresses whose last event is a withdrawal. */
function withdrawn(seen: readonly RouteSighting[]): string[] {
  return ['192.0.2.53', '2001:db8::53'].filter(
    address => seen.findLast(sighting => sighting.address === address)?.gone,
  );
}

test('an IPv4 route that goes with an address stays announced till the next scan; with the agent it is withdrawn at once', async t => {
  const harm = await blind(t);
  await harm.node.host.ip('route', 'add', four, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await eventually('the route at the router', async () => (await gateways(harm.router, four)).length === 1);
  await harm.node.host.ip('addr', 'del', '10.1.10.1/24', 'dev', 'pod0');
  await harm.node.host.ip('route', 'add', other, 'via', '10.1.11.2', 'metric', '16', 'proto', '70');
  await eventually('a later route', async () => (await gateways(harm.router, other)).length === 1);
  t.is((await gateways(harm.router, four)).length, 1, 'without the agent BIRD has not seen the removal');

  const { router, node } = await served(t);
  const [watch, ours] = [watchRoutes(router, [12]), watchRoutes(node.host, [70, 71])];
  t.teardown(() => [watch, ours].map(each => each.stop()));
  await node.host.ipBatch(['addr del 10.1.10.1/24 dev pod0', 'addr del 10.1.11.1/24 dev pod1']);
  const removed = performance.now();
  const withdrawal = await eventually(
    'the withdrawal at the router',
    () => watch.seen.find(({ address, gone }) => address === '192.0.2.53' && gone),
    { intervalMs: 1 },
  );
  t.log(`withdrawn ${(withdrawal.at - removed).toFixed(1)} ms after ip had ended`);
  // The kernel sends no notification for the address's route: the notification seen now is the agent's.
  t.true(ours.seen.some(({ address }) => address === '192.0.2.53'));
  t.is((await gateways(router, six)).length, 1);
});

test('the deletion of one IPv6 nexthop withdraws the whole route; with the agent the peer has it again', async t => {
  const harm = await blind(t);
  const hops = ['nexthop', 'via', 'fd01:10::2', 'nexthop', 'via', 'fd01:11::2'];
  await harm.node.host.ip('route', 'add', six, 'metric', '16', 'proto', '70', ...hops);
  await eventually('the route at the router', async () => (await gateways(harm.router, six)).length === 1);
  const partial = ['route', 'del', six, 'via', 'fd01:10::2', 'dev', 'pod0', 'metric', '16', 'proto', '70'];
  await harm.node.host.ip(...partial);
  // Without the agent it is withdrawn, though the other nexthop is alive.
  await eventually('the withdrawal', async () => (await gateways(harm.router, six)).length === 0);
  t.is((await gateways(harm.node.host, six)).length, 1);

  const { router, node, routerIsUpToDate } = await served(t);
  const watch = watchRoutes(router, [12]);
  t.teardown(() => watch.stop());
  await node.host.ip(...partial);
  await routerIsUpToDate();
  await eventually('both nexthops', async () => (await gateways(node.host, six)).length === 2);
  await eventually('the address at the router', async () => (await gateways(router, six)).length === 1);
  t.deepEqual(withdrawn(watch.seen), []);
});

const losses = [
  ['its deletion', ({ node }: Served) => node.host.ip('link', 'delete', 'pod0')],
  ['its being set down', ({ node }: Served) => node.host.ip('link', 'set', 'pod0', 'down')],
] as const;

/** Waits until the node's kernel routes to the other pod alone, and the router has the result. */
async function settled({ node, routerIsUpToDate }: Served): Promise<void> {
  await eventually('routes by the sibling alone', async () => {
    const found = await Promise.all([four, six].map(prefix => gateways(node.host, prefix)));
    return String(found) === '10.1.11.2,fd01:11::2';
  });
  await routerIsUpToDate();
}

for (const [what, end] of losses) {
  for (const nexthops of ['multipath', 'groups', 'resilient']) {
    test(`with ${nexthops}, a veth's loss by ${what} leaves the siblings announced`, async t => {
      const world = await served(t, { routes: { nexthops } });
      const watch = watchRoutes(world.router, [12]);
      t.teardown(() => watch.stop());
      await end(world);
      await settled(world);
      // The kernel notifies BIRD of the link before it takes the nexthop out of IPv4 routes, and BIRD reads them at once:
      // a nexthop through that link is strange to BIRD, which drops the route until we write it again. Either change
      // may come first; a withdrawal must not last.
      await eventually('both addresses at the router', () => withdrawn(watch.seen).length === 0);
      for (const prefix of [four, six]) t.is((await gateways(world.router, prefix)).length, 1, prefix);
      for (const [index, { address, at, gone }] of watch.seen.entries()) {
        if (!gone) continue;
        const back = watch.seen.slice(index).find(sighting => sighting.address === address && !sighting.gone);
        t.log(`${address} was withdrawn for ${((back?.at ?? Number.NaN) - at).toFixed(1)} ms`);
      }
    });
  }

  test(`in filter mode a veth's loss by ${what} causes no event at the peer`, async t => {
    const world = await served(t, { bird: { mode: 'filter' } });
    const watch = watchRoutes(world.router, [12]);
    t.teardown(() => watch.stop());
    await end(world);
    await settled(world);
    for (const prefix of [four, six]) t.is((await gateways(world.router, prefix)).length, 1, prefix);
    t.deepEqual(
      watch.seen.filter(({ address }) => four.startsWith(`${address}/`) || six.startsWith(`${address}/`)),
      [],
    );
  });
}
