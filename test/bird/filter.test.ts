import { writeFileSync } from 'node:fs';
import test from 'ava';
import { pino } from 'pino';
import { BirdManager } from '../../lib/bird/manager.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { startBird } from '../support/bird.ts';
import { eventually, Lab } from '../support/lab.ts';
import { watchRoutes } from '../support/route-watch.ts';
import { established, fabric, gateways, kernelRoutes, rendered, routes, startNode } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

test('filter mode: the active set is announced and withdrawn, and never enters the kernel', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const bird = await startNode(node, { mode: 'filter' });
  const manager = new BirdManager({
    mode: 'filter',
    configPath: bird.configPath,
    socketPath: bird.socketPath,
    routes,
    kernelExport: true,
    log: pino({ level: 'silent' }),
  });
  t.teardown(() => manager.close());
  const { nodeConfig } = node;
  const established = establishedAt(await bird.command('show protocols'));
  for (const active of [[four, six], [six], [], [four]]) {
    t.is((await manager.apply({ nodeConfig, active })).state, 'applied');
    for (const [destination, peer] of [
      [four, '10.0.1.2'],
      [six, 'fd00:1::2'],
    ] as const) {
      await eventually(`${destination} for [${active}]`, async () => {
        const expected = active.includes(destination) ? [peer] : [];
        return String(await gateways(router, destination)) === String(expected);
      });
      t.deepEqual(await kernelRoutes(node.host, destination), []);
    }
  }
  const still = establishedAt(await bird.command('show protocols'));
  t.is(still.length, 2);
  // BIRD says the same time a millisecond more or less; a session comes back after a second (`connect delay time`).
  t.true(
    still.every((at, index) => Math.abs(at - Number(established[index])) < 500),
    `no session flapped: ${established}, then ${still}`,
  );
  await node.host.ip('route', 'add', '192.0.2.99/32', 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  t.is((await manager.apply({ nodeConfig, active: [four, six] })).state, 'applied');
  await eventually('both', async () => (await gateways(router, six)).length === 1);
  t.deepEqual(await kernelRoutes(router, '192.0.2.99/32'), [], 'filter mode does not announce kernel routes');
});

test('filter mode: a destination that this node withdraws is reached through the other node', async t => {
  const { lab, router, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const bird = await startNode(first, { mode: 'filter', active: [four, six] });
  await startNode(second, { mode: 'filter', active: [four, six] });
  await eventually('both nodes', async () => (await gateways(router, four)).length === 2);
  t.deepEqual(await kernelRoutes(first.host, four), []);
  writeFileSync(bird.configPath, rendered(first, { mode: 'filter', active: [] }));
  await bird.command('configure');
  for (const [destination, gateway] of [
    [four, '10.0.1.1'],
    [six, 'fd00:1::1'],
  ] as const) {
    const [fallback] = await eventually('the BGP path', async () => {
      const found = await kernelRoutes(first.host, destination);
      return found.length > 0 && found;
    });
    t.like(fallback, { metric: 32, gateway });
  }
});

test('paths from two routers become one multipath in the node’s kernel', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const peers = [];
  for (const index of [1, 2]) {
    const router = await lab.namespace(`router${index}`);
    await lab.link(node, `up${index}`, router, 'down0');
    await node.configure(`up${index}`, `10.0.${index}.2/24`, `fd00:${index}::2/64`);
    await router.configure('down0', `10.0.${index}.1/24`, `fd00:${index}::1/64`);
    await startBird(router, {
      name: `router${index}`,
      config: `router id 10.0.${index}.1;
protocol device { }
protocol static { ipv4; route ${four} unreachable; route 0.0.0.0/0 unreachable; }
protocol static { ipv6; route ${six} unreachable; }
template bgp node { local as 65000; connect delay time 1; }
protocol bgp from node { neighbor 10.0.${index}.2 as 65001; ipv4 { import all; export all; }; }
protocol bgp from node { neighbor fd00:${index}::2 as 65001; ipv6 { import all; export all; }; }
`,
    });
    peers.push({ name: `v4-${index}`, address: `10.0.${index}.1`, asn: 65000 });
    peers.push({ name: `v6-${index}`, address: `fd00:${index}::1`, asn: 65000 });
  }
  const nodeConfig = parseNodeConfig(
    JSON.stringify({ bgp: { localAsn: 65001, routerId: '10.0.1.2', peers } }),
    'test',
  );
  const bird = await startBird(node, {
    name: 'node',
    config: rendered({ host: node, index: 1, nodeConfig }),
  });
  await established(bird, 4);
  await eventually(
    'two IPv4 gateways',
    async () => String(await gateways(node, four)) === '10.0.1.1,10.0.2.1',
  );
  await eventually(
    'two IPv6 gateways',
    async () => String(await gateways(node, six)) === 'fd00:1::1,fd00:2::1',
  );
  t.deepEqual(await gateways(node, 'default'), ['10.0.1.1', '10.0.2.1']);
});

test('configure with the same text, as after a restart of the agent, causes no flap at the peer', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const bird = await startNode(node);
  await node.host.ip('route', 'add', four, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await eventually('announced', async () => (await gateways(router, four)).length === 1);
  const watch = watchRoutes(router, [12]);
  t.teardown(() => watch.stop());
  const manager = new BirdManager({
    mode: 'learn',
    configPath: bird.configPath,
    socketPath: bird.socketPath,
    routes,
    kernelExport: true,
    log: pino({ level: 'silent' }),
  });
  t.teardown(() => manager.close());
  t.is((await manager.apply({ nodeConfig: node.nodeConfig, active: [] })).state, 'applied');
  await new Promise(resolve => setTimeout(resolve, 500));
  t.deepEqual(watch.seen, []);
});

/** Since when each session is up, in milliseconds of the day. */
function establishedAt(protocols: string): number[] {
  return Array.from(protocols.matchAll(/BGP.* (\d+):(\d+):(\d+)\.(\d+) +Established/g), ([, ...parts]) => {
    const [hours = 0, minutes = 0, seconds = 0, ms = 0] = parts.map(Number);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
  });
}
