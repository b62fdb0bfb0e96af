import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { established, fabric, plainConfig } from '../bird/fabric.ts';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually, type Namespace } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';
import { watchRoutes } from '../support/route-watch.ts';

const birdProtocol = 12;
const podCount = 10;
const each = 50;
const count = podCount * each * 2;

const announcedTo = async (router: Namespace) =>
  (await routesOf(router, birdProtocol)).filter(({ destination }) => /\/(32|128)$/.test(destination)).length;

test('nexthop objects that another program deletes are back with their routes; one line says what to set', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const files = layOutAgent(join(lab.dir, 'agent'), { routes: { nexthops: 'groups' } });
  const pods = Array.from({ length: podCount }, (_, pod) => pod);
  writeAllocations(
    files,
    pods.map(pod => ({
      namespace: 'default',
      name: `dns-${pod}`,
      uid: `dns-${pod}`,
      hostInterface: 'pod0',
      ipv4: '10.1.10.2',
      ipv6: 'fd01:10::2',
      anycast: Array.from({ length: each }, (_, at) => [
        `192.0.${pod}.${at + 1}`,
        `2001:db8:${pod}::${at + 1}`,
      ]).flat(),
      state: 'committed',
    })),
  );
  for (const pod of pods) writePod(files, `dns-${pod}`, { ready: true });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  const where = { name: 'node1', configPath: files.birdConfig, socketPath: files.birdSocket };
  await established(await startBird(node.host, where), 2);
  await eventually('every address at the router', async () => (await announcedTo(router)) === count);

  const watch = watchRoutes(router, [birdProtocol]);
  t.teardown(() => watch.stop());
  const told = () => agent.lines.filter(({ code }) => code === 'NEXTHOPS_DELETED');
  for (let round = 1; round <= 4; round++) {
    const before = watch.seen.length;
    await node.host.ip('nexthop', 'flush', 'proto', '70');
    await eventually('every route', async () => (await routesOf(node.host, 70)).length === count);
    await eventually('every address at the router', async () => (await announcedTo(router)) === count);
    await eventually('a line about it', () => told().length > 0);
    const seen = watch.seen.slice(before);
    const withdrawn = seen.filter(({ gone }) => gone);
    const back = new Map(seen.filter(({ gone }) => !gone).map(({ address, at }) => [address, at]));
    const longest = Math.max(0, ...withdrawn.map(({ address, at }) => (back.get(address) ?? 0) - at));
    t.log(
      `round ${round}: the peer saw ${withdrawn.length} withdrawals, for ${longest.toFixed(1)} ms at most`,
    );
  }
  t.is(told().length, 1);
  t.like(told()[0], { level: 40 });
  t.regex(JSON.stringify(told()[0]), /"objects":\d+,"routes":\d+,"remedy":".*ManageForeignNextHops=no/);
  t.deepEqual(
    agent.lines.filter(({ event }) => /^(fail|conflict|contested) |Invalid nexthop/.test(event ?? '')),
    [],
  );
});
