/** Our routes move to another table, metric or protocol number, and the router keeps its routes. */
import { writeFileSync } from 'node:fs';
import test from 'ava';
import { configure as configureAndFollow } from '../../lib/bird/configure.ts';
import { BirdControl } from '../../lib/bird/control.ts';
import type { BirdRoutes } from '../../lib/bird/render.ts';
import type { BirdProcess } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { watchRoutes } from '../support/route-watch.ts';
import { fabric, gateways, kernelRoutes, type Node, rendered, routes, startNode } from './fabric.ts';

const addresses = ['192.0.2.53/32', '2001:db8::53/128'];
const birdProtocol = 12;

async function configure(bird: BirdProcess, node: Node, input: Parameters<typeof rendered>[1]) {
  writeFileSync(bird.configPath, rendered(node, input));
  const control = await BirdControl.open(bird.socketPath);
  await configureAndFollow(control);
  control.close();
}

const own = { ...routes, table: 100 };
const moves: [string, BirdRoutes, BirdRoutes][] = [
  ['a worse metric', routes, { ...routes, metric: 20 }],
  ['a better metric', routes, { ...routes, metric: 5 }],
  ['other protocol numbers', routes, { ...routes, protocols: { advertise: 80, hold: 81 } }],
  ['a table of our own', routes, own],
  ['the main table', own, routes],
  ['another table of our own', own, { ...routes, table: 4242, metric: 9 }],
];

test('baseline: a BIRD that learns only the new number withdraws the route before it is moved', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [Node];
  const bird = await startNode(node);
  await node.host.ip('route', 'add', '192.0.2.53/32', 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  const atRouter = async () => (await gateways(router, '192.0.2.53/32')).length;
  await eventually('the route', async () => (await atRouter()) === 1);
  await configure(bird, node, { routes: { ...routes, protocols: { advertise: 80, hold: 81 } } });
  await eventually('the withdrawal', async () => (await atRouter()) === 0);
  t.pass();
});

for (const [what, from, to] of moves) {
  test(`to ${what}, the router keeps the routes without a break`, async t => {
    const { lab, router, nodes } = await fabric(2);
    t.teardown(() => lab.destroy());
    const [node, other] = nodes as [Node, Node];
    const bird = await startNode(node, { routes: from });
    await startNode(other);
    const write = (operation: string, { table, metric, protocols }: BirdRoutes) =>
      node.host.ipBatch(
        addresses.map(
          (address, family) =>
            `route ${operation} ${address} via ${family === 0 ? '10.1.10.2' : 'fd01:10::2'} table ${table} metric ${metric} proto ${protocols.advertise}`,
        ),
      );
    await write('add', from);
    for (const address of addresses)
      await eventually(address, async () => (await gateways(router, address)).length === 1);
    const foreign = async () => (await kernelRoutes(node.host, '10.244.2.0/24')).length;
    await eventually('a BGP route at the node', async () => (await foreign()) === 1);

    const watches = [watchRoutes(router, [birdProtocol]), watchRoutes(node.host, [birdProtocol])];
    t.teardown(() => watches.map(watch => watch.stop()));
    await configure(bird, node, { routes: to, formerRoutes: [from] });
    await write(from.metric === to.metric && from.table === to.table ? 'replace' : 'add', to);
    if (from.metric !== to.metric || from.table !== to.table) await write('del', from);
    await configure(bird, node, { routes: to });
    await new Promise(resolve => setTimeout(resolve, 1500));
    for (const { seen } of watches)
      t.deepEqual(
        seen.filter(({ gone }) => gone),
        [],
      );
    for (const address of addresses) t.is((await gateways(router, address)).length, 1, address);

    await write('del', to);
    for (const address of addresses)
      await eventually('the withdrawal', async () => (await gateways(router, address)).length === 0);
  });
}
