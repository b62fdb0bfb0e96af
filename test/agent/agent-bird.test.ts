import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { allocationOf, established, fabric, gateways, plainConfig, rendered } from '../bird/fabric.ts';
import { birdOf, layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';
import { watchRoutes } from '../support/route-watch.ts';

const anycast = ['192.0.2.53', '2001:db8::53'];
const birdProtocol = 12;

for (const mode of ['learn', 'filter'] as const) {
  test(`${mode} mode: a Ready pod reaches the router's kernel, and withdrawal comes before removal`, async t => {
    const { lab, router, nodes } = await fabric(1);
    t.teardown(() => lab.destroy());
    const [node] = nodes as [(typeof nodes)[0]];
    const files = layOutAgent(join(lab.dir, 'agent'), {
      bird: { mode },
      // This test checks the order, not the time: BIRD and the router have the time that a busy machine takes.
      reconcile: { settleMs: 10_000 },
    });
    // BIRD runs before the agent does, with a configuration that knows no peers yet.
    const bird = await startBird(node.host, {
      ...birdOf(files),
      config: rendered(node, {
        nodeConfig: { ...node.nodeConfig, bgp: { ...node.nodeConfig.bgp, peers: [] } },
      }),
    });
    writeAllocations(files, [allocationOf(anycast)]);
    writePod(files, 'dns-0', { ready: false });
    const agent = startAgent(node.host, files);
    await agent.logged('in sync');
    t.is((await bird.command('show protocols')).match(/BGP/g), null, 'not configured without a node config');

    writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
    await agent.logged('BIRD runs a new configuration');
    await established(bird, 2);

    const watches = { node: watchRoutes(node.host, [70, 71]), router: watchRoutes(router, [birdProtocol]) };
    t.teardown(() => {
      for (const watch of Object.values(watches)) watch.stop();
    });
    writePod(files, 'dns-0', { ready: true });
    await eventually('the routes at the router', async () =>
      (
        await Promise.all(
          anycast.map(address => gateways(router, `${address}/${address.includes(':') ? 128 : 32}`)),
        )
      ).every(found => found.length === 1),
    );
    t.is((await routesOf(node.host, 70)).length, 2);

    writePod(files, 'dns-0', { ready: false });
    await eventually(
      'both routes to be removed',
      async () => (await routesOf(node.host, 70)).length + (await routesOf(node.host, 71)).length === 0,
    );
    await agent.logged('remove 2001:db8::53/128');
    for (const address of anycast) {
      const removed = watches.node.seen.find(sighting => sighting.address === address && sighting.gone)?.at;
      const withdrawn = watches.router.seen.find(
        sighting => sighting.address === address && sighting.gone,
      )?.at;
      t.true(
        removed !== undefined && withdrawn !== undefined && withdrawn < removed,
        `${address}: ${withdrawn} < ${removed}`,
      );
    }
  });
}

test('a BIRD that starts after the agent, and one that restarts, both get the configuration', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const files = layOutAgent(join(lab.dir, 'agent'), { reconcile: { tickMs: 200 } });
  writeAllocations(files, [
    {
      namespace: 'default',
      name: 'dns-0',
      uid: 'dns-0',
      hostInterface: 'pod0',
      ipv4: '10.1.10.2',
      anycast: ['192.0.2.53'],
      state: 'committed',
    },
  ]);
  writePod(files, 'dns-0', { ready: true });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  t.is((await routesOf(node.host, 70)).length, 1, 'the route does not wait for BIRD');

  const where = birdOf(files);
  const seen = () =>
    eventually('the route at the router', async () => (await gateways(router, '192.0.2.53/32')).length === 1);
  const first = await startBird(node.host, where);
  await seen();
  await first.kill();
  await startBird(node.host, where);
  await seen();
  t.is((await routesOf(node.host, 70)).length, 1);
});

test("a change of the node config's bird mode is applied while the agent runs, in both directions", async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const files = layOutAgent(join(lab.dir, 'agent'), {
    reconcile: { tickMs: 200, auditMs: 1000, settleMs: 10_000 },
  });
  const pod = { namespace: 'default', name: 'dns-0', uid: 'dns-0', hostInterface: 'pod0', ipv4: '10.1.10.2' };
  writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53'], state: 'committed' }]);
  writePod(files, 'dns-0', { ready: true });
  const say = (mode: string) =>
    writeFileSync(files.nodeConfig, JSON.stringify({ ...plainConfig(1), bird: { mode } }));
  say('filter');
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  const bird = await startBird(node.host, birdOf(files));
  const announcedBy = (protocol: string) =>
    eventually(`the router to hear of it by ${protocol}`, async () => {
      const routes = await bird.command("show route export 'peer_router4'");
      return routes.includes(`[${protocol} `) && (await gateways(router, '192.0.2.53/32')).length === 1;
    });
  await announcedBy('anycast4');
  await established(bird, 2);
  const sessions = async () => (await bird.command('show protocols')).match(/peer_router\d.* Established/g);
  const before = await sessions();
  t.is(before?.length, 2);
  say('learn');
  await announcedBy('learn4');
  say('filter');
  await announcedBy('anycast4');
  say('learn');
  await announcedBy('learn4');
  t.deepEqual(await sessions(), before, 'no session ended');

  // During a change of mode: a route that BIRD still announces by its configuration is not removed before.
  say('filter');
  await announcedBy('anycast4');
  const watches = { node: watchRoutes(node.host, [70, 71]), router: watchRoutes(router, [birdProtocol]) };
  t.teardown(() => {
    for (const watch of Object.values(watches)) watch.stop();
  });
  say('learn');
  writePod(files, 'dns-0', { ready: false });
  await eventually('its removal', () => watches.node.seen.some(({ gone }) => gone));
  const [removed, withdrawn] = [watches.node.seen, watches.router.seen].map(
    seen => seen.findLast(({ gone }) => gone)?.at,
  );
  t.true(
    removed !== undefined && withdrawn !== undefined && withdrawn < removed,
    `${withdrawn} < ${removed}`,
  );
});

for (const mode of ['learn', 'filter'] as const) {
  test(`${mode} mode: BIRD has its sessions and the node's own prefixes before any source has synced`, async t => {
    const { lab, router, nodes } = await fabric(1);
    t.teardown(() => lab.destroy());
    const [node] = nodes as [(typeof nodes)[0]];
    // Without an allocation file, that source never syncs.
    const files = layOutAgent(join(lab.dir, 'agent'), { bird: { mode }, reconcile: { tickMs: 200 } });
    writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
    // A route that a former agent announced: it stays, because the kernel has it.
    await node.host.ip('route', 'add', '192.0.2.53', 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
    const agent = startAgent(node.host, files);
    await agent.logged('wrote the configuration for a BIRD that is not running');
    const bird = await startBird(node.host, birdOf(files));
    await established(bird, 2);
    for (const prefix of ['10.244.1.0/24', '192.0.2.53/32'])
      await eventually(prefix, async () => (await gateways(router, prefix)).length === 1);
    t.false(agent.lines.some(({ event }) => event?.includes('in sync')));
    t.is((await routesOf(node.host, 70)).length, 1);

    writeAllocations(files, []);
    await agent.logged('in sync: 1 route(s) of ours were already in the kernel');
    await eventually('the withdrawal', async () => (await gateways(router, '192.0.2.53/32')).length === 0);
    t.is((await gateways(router, '10.244.1.0/24')).length, 1);
  });
}

test('learn mode is refused where BIRD could learn no route, also when the node config asks for it', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  await node.host.sysctl({
    'net.ipv4.nexthop_compat_mode': 0,
    'net.ipv4.ip_forward': 1,
    'net.ipv6.conf.all.forwarding': 1,
  });
  const files = layOutAgent(join(lab.dir, 'agent'), {
    bird: { mode: 'filter' },
    sysctl: { set: false },
    routes: { nexthops: 'groups' },
    reconcile: { tickMs: 200 },
  });
  const say = (mode: string) =>
    writeFileSync(files.nodeConfig, JSON.stringify({ ...plainConfig(1), bird: { mode } }));
  const pod = { namespace: 'default', name: 'dns-0', uid: 'dns-0', hostInterface: 'pod0', ipv4: '10.1.10.2' };
  writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53'], state: 'committed' }]);
  writePod(files, 'dns-0', { ready: true });

  say('learn');
  const refused = startAgent(node.host, files);
  t.is(await refused.exit, 1);
  t.regex(refused.words.join('\n'), /FLOCK_BIRD_BLIND/);

  say('filter');
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  const bird = await startBird(node.host, birdOf(files));
  await established(bird, 2);
  const announced = () =>
    eventually('the announcement', async () => (await gateways(router, '192.0.2.53/32')).length === 1);
  await announced();
  say('learn');
  await eventually('the refusal', () => agent.lines.some(({ code }) => code === 'FLOCK_BIRD_BLIND'));
  await announced();
  t.regex(await bird.command('show protocols'), /anycast4 /, 'it runs filter mode as before');
});

test('a BIRD that is blinded while the agent runs is told with the cause, once, and not repaired', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  await node.host.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  const files = layOutAgent(join(lab.dir, 'agent'), {
    sysctl: { set: false },
    routes: { nexthops: 'groups' },
    reconcile: { tickMs: 200, auditMs: 1000 },
  });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const pod = { namespace: 'default', name: 'dns-0', uid: 'dns-0', hostInterface: 'pod0', ipv4: '10.1.10.2' };
  writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53'], state: 'committed' }]);
  writePod(files, 'dns-0', { ready: true });
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  await startBird(node.host, birdOf(files));
  const announced = (count: number) =>
    eventually(`${count} route(s)`, async () => (await gateways(router, '192.0.2.53/32')).length === count);
  const lines = (code: string) => agent.lines.filter(line => line.code === code).length;
  await announced(1);
  const before = lines('BIRD_EXPORT_DIFFERS');

  await node.host.sysctl({ 'net.ipv4.nexthop_compat_mode': 0 });
  await eventually('the cause', () => lines('FLOCK_BIRD_BLIND') > 0);
  // BIRD finds out at its next scan.
  await announced(0);
  t.is(lines('FLOCK_BIRD_BLIND'), 1);
  t.is(lines('BIRD_EXPORT_DIFFERS'), before);

  await node.host.sysctl({ 'net.ipv4.nexthop_compat_mode': 1 });
  await announced(1);
});
