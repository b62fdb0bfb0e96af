/** The node's settings change while the agent runs: what it says, sets and withdraws. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { allocationOf, established, fabric, gateways, plainConfig } from '../bird/fabric.ts';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';

const right = {
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  'net.ipv4.fib_multipath_hash_policy': 1,
  'net.ipv6.fib_multipath_hash_policy': 1,
};
const allocation = allocationOf(['192.0.2.53', '2001:db8::53']);

/** A node with one pod and its BIRD, announced to the router in both families. */
async function announcing(t: ExecutionContext, config: object) {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  await node.host.sysctl(right);
  const files = layOutAgent(join(lab.dir, 'agent'), {
    reconcile: { tickMs: 100, auditMs: 1000 },
    observe: { listen: '127.0.0.1:9470' },
    ...config,
  });
  writeAllocations(files, [allocation]);
  writePod(files, 'dns-0', { ready: true });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  const bird = await startBird(node.host, {
    name: 'node1',
    configPath: files.birdConfig,
    socketPath: files.birdSocket,
  });
  await established(bird, 2);
  const ask = (path: string) => node.host.exec('curl', '-sS', `http://127.0.0.1:9470/${path}`);
  return {
    host: node.host,
    lab,
    files,
    agent,
    /** Waits until the router has exactly these. */
    announced: (...prefixes: string[]) =>
      eventually(`the router to have ${prefixes}`, async () => {
        const all = ['192.0.2.53/32', '10.244.1.0/24', '2001:db8::53/128', 'fd44:1::/64'];
        const counts = await Promise.all(all.map(async prefix => (await gateways(router, prefix)).length));
        return all.filter((_, at) => counts[at] === 1).join() === prefixes.join();
      }),
    lines: (code: string) => agent.lines.filter(line => line.code === code).map(({ event = '' }) => event),
    findings: async () =>
      (JSON.parse(await ask('status')) as { preflight: { code: string }[] }).preflight.map(
        ({ code }) => code,
      ),
    counted: async (code: string) =>
      new RegExp(`^flock_anycast_preflight_findings\\{code="${code}"\\} (\\d+)$`, 'm').exec(
        await ask('metrics'),
      )?.[1],
  };
}

const ofIpv4 = ['192.0.2.53/32', '10.244.1.0/24'];
const ofIpv6 = ['2001:db8::53/128', 'fd44:1::/64'];

for (const mode of ['learn', 'filter'] as const) {
  test(`${mode} mode: what the node can not forward any more is withdrawn, told, and announced again`, async t => {
    const node = await announcing(t, { bird: { mode }, sysctl: { set: false } });
    await node.announced(...ofIpv4, ...ofIpv6);
    t.deepEqual(await node.findings(), []);
    t.is(await node.counted('PREFLIGHT_FORWARDING'), '0');

    await node.host.sysctl({ 'net.ipv4.ip_forward': 0 });
    await node.announced(...ofIpv6);
    t.is((await routesOf(node.host, 71)).length, 1, "its route stays, for the node's own clients");
    t.deepEqual(await node.findings(), ['PREFLIGHT_FORWARDING']);
    t.is(await node.counted('PREFLIGHT_FORWARDING'), '1');
    await eventually('one line', () => node.lines('PREFLIGHT_FORWARDING').length === 1);

    await node.host.sysctl({ 'net.ipv4.ip_forward': 1 });
    await node.announced(...ofIpv4, ...ofIpv6);
    t.deepEqual(await node.findings(), []);
    t.is(await node.counted('PREFLIGHT_FORWARDING'), '0');
    await eventually('its end', () => node.lines('PREFLIGHT_FORWARDING').length === 2);
    t.regex(node.lines('PREFLIGHT_FORWARDING')[1] ?? '', /^no longer so: net\.ipv4\.ip_forward is 0/);

    await node.host.sysctl({ 'net.ipv6.conf.all.forwarding': 0 });
    await node.announced(...ofIpv4);
    await node.host.sysctl({ 'net.ipv6.conf.all.forwarding': 1 });
    await node.announced(...ofIpv4, ...ofIpv6);
  });
}

test('what the agent may set, it sets again; a new interface of a pod is set at once', async t => {
  const node = await announcing(t, { routes: { nexthops: 'groups' } });
  await node.announced(...ofIpv4, ...ofIpv6);
  const set = {
    'net.ipv4.ip_forward': '1',
    'net.ipv6.conf.all.forwarding': '1',
    'net.ipv4.fib_multipath_hash_policy': '1',
    'net.ipv6.fib_multipath_hash_policy': '1',
    'net.ipv4.nexthop_compat_mode': '1',
  };
  for (const [key, value] of Object.entries(set)) {
    await node.host.sysctl({ [key]: 0 });
    await eventually(key, async () => (await node.host.exec('sysctl', '-n', key)).trim() === value);
  }
  await eventually('a line for each family', () => node.lines('PREFLIGHT_FORWARDING').length === 2);
  t.is(node.lines('PREFLIGHT_FORWARDING')[0], 'set net.ipv4.ip_forward to 1; it was 0');
  await node.announced(...ofIpv4, ...ofIpv6);

  await node.host.sysctl({ 'net.ipv4.conf.default.rp_filter': 1, 'net.ipv4.conf.default.forwarding': 0 });
  await node.lab.link(node.host, 'pod7', await node.lab.namespace('pod7'), 'eth0');
  const pod = { namespace: 'default', name: 'dns-7', uid: 'dns-7', hostInterface: 'pod7', ipv4: '10.1.17.2' };
  writeAllocations(node.files, [allocation, { ...pod, anycast: ['192.0.2.77'], state: 'committed' }]);
  for (const [name, value] of [
    ['rp_filter', '2'],
    ['forwarding', '1'],
  ]) {
    const key = `net.ipv4.conf.pod7.${name}`;
    await eventually(key, async () => (await node.host.exec('sysctl', '-n', key)).trim() === value);
  }
});

test('a new interface of a pod that filters strictly is told; where the same name comes again, too', async t => {
  // It is not the audit that finds it.
  const node = await announcing(t, {
    sysctl: { set: false },
    reconcile: { tickMs: 100, auditMs: 3_600_000 },
  });
  await node.host.sysctl({ 'net.ipv4.conf.default.rp_filter': 1 });
  const far = await node.lab.namespace('pod7');
  await node.lab.link(node.host, 'pod7', far, 'eth0');
  const pod = { namespace: 'default', name: 'dns-7', uid: 'dns-7', hostInterface: 'pod7', ipv4: '10.1.17.2' };
  writeAllocations(node.files, [allocation, { ...pod, anycast: ['192.0.2.77'], state: 'committed' }]);
  await eventually(
    () => `the line in ${JSON.stringify(node.agent.lines)}`,
    () => node.lines('PREFLIGHT_RP_FILTER').some(line => line.startsWith('pod7 has strict reverse-path')),
  );
  t.deepEqual(await node.findings(), ['PREFLIGHT_RP_FILTER']);
  t.is(await node.counted('PREFLIGHT_RP_FILTER'), '1');

  await node.host.ip('link', 'delete', 'pod7');
  await eventually('its end', async () => (await node.findings()).length === 0);
  await node.lab.link(node.host, 'pod7', far, 'eth0');
  await eventually('the new one', async () => (await node.findings()).length === 1);
});
