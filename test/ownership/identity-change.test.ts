/** The real agent, restarted with another table, metric or protocol numbers: the router keeps its routes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  allocationOf,
  established,
  fabric,
  gateways,
  kernelRoutes,
  type Node,
  plainConfig,
  rendered,
} from '../bird/fabric.ts';
import {
  type AgentFiles,
  type AgentProcess,
  birdOf,
  layOutAgent,
  startAgent,
  writeAllocations,
  writePod,
} from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { watchRoutes } from '../support/route-watch.ts';

const count = 40;
const addresses = Array.from({ length: count }, (_, index) => [
  `192.0.2.${index + 1}`,
  `2001:db8::${index + 1}`,
]).flat();
const prefixes = addresses.map(address => `${address}/${address.includes(':') ? 128 : 32}`);
const birdProtocol = 12;

const first = { table: 254, metric: 16, protocols: { advertise: 70, hold: 71 } };

/** A node whose agent serves every address by one pod and announces it to a router. */
async function served(t: ExecutionContext, routes: object, mode: 'learn' | 'filter' = 'learn') {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [Node];
  const files = layOutAgent(join(lab.dir, 'agent'), { routes, bird: { mode } });
  const bird = await startBird(node.host, {
    ...birdOf(files),
    config: rendered(node),
  });
  writeAllocations(files, [allocationOf(addresses)]);
  writePod(files, 'dns-0', { ready: true });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const start = () => startAgent(node.host, files);
  const announced = async () => {
    for (const prefix of [prefixes[0], prefixes.at(-1)] as string[])
      await eventually(prefix, async () => (await gateways(router, prefix)).length === 1);
  };
  const agent = start();
  await established(bird, 2);
  await announced();
  return { lab, router, node, files, bird, agent, start, announced };
}

function reconfigure(files: AgentFiles, routes: object): void {
  const config = JSON.parse(readFileSync(files.config, 'utf8'));
  writeFileSync(files.config, JSON.stringify({ ...config, routes }));
}

const remembered = ({ state }: AgentFiles) => JSON.parse(readFileSync(state, 'utf8')).keys;

/** Every route to one of the addresses in any table of the node. */
async function ourRoutes({ host }: Node): Promise<number> {
  const routes = await Promise.all(
    ['-4', '-6'].map(family => host.ipJson<{ dst: string }[]>(family, 'route', 'show', 'table', 'all')),
  );
  return routes.flat().filter(({ dst }) => addresses.includes(dst)).length;
}

const others = {
  'a worse metric': { ...first, metric: 20 },
  'a better metric': { ...first, metric: 5 },
  'other protocol numbers': { ...first, protocols: { advertise: 80, hold: 81 } },
  'the same two numbers, exchanged': { ...first, protocols: { advertise: 71, hold: 70 } },
  'a number that was the other tag': { ...first, protocols: { advertise: 71, hold: 72 } },
  'a table of our own': { ...first, table: 100 },
  'everything else': { table: 100, metric: 9, protocols: { advertise: 80, hold: 81 } },
};

const cases = [
  ...Object.keys(others).map(what => ['learn', what] as const),
  ['filter', 'a worse metric'] as const,
  ['filter', 'everything else'] as const,
  ['learn', 'a worse metric', 'groups'] as const,
  ['learn', 'everything else', 'resilient'] as const,
];

for (const [mode, what, nexthops = 'multipath'] of cases) {
  test(`${mode} mode, ${nexthops}: to ${what} and back, the router keeps every route without a break`, async t => {
    const next = others[what as keyof typeof others];
    const { router, node, files, agent, start, announced } = await served(t, { ...first, nexthops }, mode);
    t.deepEqual(remembered(files), [first]);
    await node.host.ip('route', 'add', '198.51.100.1', 'via', '10.1.10.2', 'metric', '16', 'proto', '98');
    const watch = watchRoutes(router, [birdProtocol]);
    t.teardown(() => watch.stop());
    let running = agent;
    for (const routes of [next, first]) {
      running.child.kill('SIGTERM');
      await running.exit;
      reconfigure(files, { ...routes, nexthops });
      running = start();
      await running.logged('nothing is left of');
      const { advertise } = routes.protocols;
      const objects = await node.host.ipJson<{ protocol: string }[]>('-N', 'nexthop', 'show');
      t.deepEqual(
        [...new Set(objects.map(({ protocol }) => protocol))],
        objects.length > 0 ? [`${advertise}`] : [],
      );
      t.is(objects.length > 0, nexthops !== 'multipath');
      await eventually('one key remembered', () => remembered(files).length === 1);
      t.deepEqual(remembered(files), [routes]);
      t.is(await ourRoutes(node), prefixes.length);
    }
    await new Promise(resolve => setTimeout(resolve, 1000));
    t.deepEqual(
      watch.seen.filter(({ gone }) => gone),
      [],
    );
    await announced();
    t.is((await kernelRoutes(node.host, '198.51.100.1')).length, 1, 'not ours');
  });
}

test('routes move at once when BIRD does not run; when it starts, it announces all', async t => {
  const { router, node, files, bird, agent, start, announced } = await served(t, first);
  agent.child.kill('SIGTERM');
  await agent.exit;
  await bird.stop();
  await eventually('the withdrawal', async () => (await gateways(router, '192.0.2.1/32')).length === 0);
  const next = others['everything else'];
  reconfigure(files, next);
  const again = start();
  // Less than the 10 s for which routes wait for a running BIRD: after those, a warning is logged.
  await again.logged('nothing is left of');
  t.false(again.lines.some(({ event }) => event?.startsWith('BIRD does not accept the configuration')));
  await eventually('one key remembered', () => remembered(files).length === 1);
  await startBird(node.host, { name: 'node1', configPath: bird.configPath, socketPath: bird.socketPath });
  await announced();
});

test('routes wait a limited time for a BIRD that hangs, and then move', async t => {
  const { node, files, bird, agent, start } = await served(t, first);
  agent.child.kill('SIGTERM');
  await agent.exit;
  bird.signal('SIGSTOP');
  t.teardown(() => bird.signal('SIGCONT'));
  reconfigure(files, others['other protocol numbers']);
  const impatient = start();
  await eventually('the connection to BIRD', () => impatient.lines.length > 0);
  const gaveUp = (one: AgentProcess) =>
    one.lines.some(({ event }) => event?.startsWith('BIRD does not accept the configuration'));
  impatient.child.kill('SIGTERM');
  t.is(await impatient.exit, 0);
  t.false(gaveUp(impatient), 'the agent stops before the waiting time is over');

  const moved = watchRoutes(node.host, [80]);
  t.teardown(() => moved.stop());
  const began = performance.now();
  const again = start();
  await eventually('the warning about BIRD', () =>
    again.lines.some(({ code }) => code === 'FLOCK_BIRD_UNREACHABLE'),
  );
  await eventually(
    'the routes to move',
    async () => (await kernelRoutes(node.host, '192.0.2.1/32'))[0]?.protocol === '80',
  );
  t.true(gaveUp(again));
  t.true((moved.seen[0]?.at ?? 0) - began > 10_000, 'the routes wait 10 s for a running BIRD');
});
