import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { withoutServices } from '../../lib/agent/announced-prefixes.ts';
import { fabric, gateways, kernelRoutes, plainConfig } from '../bird/fabric.ts';
import { layOutAgent, runCommand, startAgent, writeAllocations } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually, type Namespace } from '../support/lab.ts';

const prefixes = ['10.244.1.0/24', 'fd44:1::/64'];
const unused = ['10.244.1.99', 'fd44:1::99'];
const used = ['10.244.1.7', 'fd44:1::7'];

/** How many packets a host has forwarded, both families. */
async function forwarded(host: Namespace): Promise<number> {
  const four = (await host.exec('cat', '/proc/net/snmp')).match(/^Ip: \d.*$/m)?.[0].split(' ')[6];
  const six = (await host.exec('cat', '/proc/net/snmp6')).match(/^Ip6OutForwDatagrams\s+(\d+)$/m)?.[1];
  return Number(four) + Number(six);
}

/** What comes back for one packet, in the words of ping. */
const answer = (host: Namespace, address: string, seconds = 10) =>
  host.exec('ping', '-n', '-c', '1', '-W', `${seconds}`, address).catch(error => String(error.stdout));

test('an address of an announced prefix that no pod has is answered once, where it went in circles', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [{ host }] = nodes as [(typeof nodes)[0]];
  await host.sysctl({
    'net.ipv4.ip_forward': 1,
    'net.ipv6.conf.all.forwarding': 1,
  });
  const client = await lab.namespace('client');
  await lab.link(client, 'eth0', router, 'client');
  await client.configure('eth0', '10.9.0.2/24', 'fd09::2/64');
  await router.configure('client', '10.9.0.1/24', 'fd09::1/64');
  await client.ipBatch(['route add default via 10.9.0.1', 'route add default via fd09::1']);
  await host.ipBatch([
    'route add default via 10.0.1.1',
    'route add default via fd00:1::1',
    ...used.map(address => `route add ${address} via ${address.includes(':') ? 'fd01:10::2' : '10.1.10.2'}`),
  ]);
  const unreachable = async () =>
    (await Promise.all(prefixes.map(prefix => kernelRoutes(host, prefix))))
      .flat()
      .filter(({ metric, type }) => metric === 2 ** 32 - 1 && type === '7').length;

  const ways = prefixes.map(prefix => `${prefix} via ${prefix.includes(':') ? 'fd00:1::2' : '10.0.1.2'}`);
  await router.ipBatch(ways.map(way => `route add ${way}`));
  for (const address of unused) {
    const before = await forwarded(host);
    t.regex(await answer(client, address), /Time to live exceeded|Time exceeded: Hop limit/);
    t.true((await forwarded(host)) - before > 20, 'it is sent back and forth');
  }
  await router.ipBatch(ways.map(way => `route del ${way}`));

  const files = layOutAgent(join(lab.dir, 'agent'));
  writeAllocations(files, []);
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const agent = startAgent(host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  await agent.logged('in sync');
  t.is(await unreachable(), 0, 'nothing is announced yet');
  const where = { name: 'node1', configPath: files.birdConfig, socketPath: files.birdSocket };
  const bird = await startBird(host, where);
  await eventually('the unreachable routes', async () => (await unreachable()) === 2);
  for (const prefix of prefixes)
    await eventually('the announcement', async () => (await gateways(router, prefix)).length === 1);

  for (const address of unused) {
    const before = await forwarded(host);
    t.regex(await answer(client, address), /Destination Host Unreachable|Destination unreachable: No route/);
    t.is((await forwarded(host)) - before, 0);
  }
  for (const address of used) {
    const before = await forwarded(host);
    // Nobody has it behind the pod's interface.
    await answer(client, address, 1);
    t.true((await forwarded(host)) > before, 'what a pod has is forwarded to it');
  }
  for (const prefix of prefixes) {
    const routes = await bird.command(`show route ${prefix} protocol learn${prefix.includes(':') ? 6 : 4}`);
    t.notRegex(routes, /unreachable/, 'BIRD announces its own route, and learns none of ours');
  }

  // The agent goes and comes back: they stay.
  agent.child.kill('SIGTERM');
  await agent.exit;
  t.is(await unreachable(), 2);
  const again = startAgent(host, files);
  await again.logged('in sync');
  writeFileSync(files.nodeConfig, JSON.stringify({ ...plainConfig(1), advertise: { prefixes: [] } }));
  await eventually('them to go with the announcement', async () => (await unreachable()) === 0);

  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  await eventually('the unreachable routes', async () => (await unreachable()) === 2);
  again.child.kill('SIGTERM');
  await again.exit;
  const { code } = await runCommand(host, files, 'flush');
  t.is(code, 0);
  t.is(await unreachable(), 0);
});

test("no unreachable route takes the cluster's services from the node", t => {
  const announced = ['10.96.0.0/12', '10.244.3.0/24', 'fd00::/64'];
  t.deepEqual(withoutServices(announced, '10.96.0.1'), announced.slice(1));
  t.deepEqual(withoutServices(announced, 'fd00::1'), announced.slice(0, 2));
  for (const service of [undefined, '', 'kubernetes.default'])
    t.deepEqual(withoutServices(announced, service), announced);
});
