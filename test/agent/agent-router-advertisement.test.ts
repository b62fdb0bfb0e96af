/** A node whose IPv6 default route came by router advertisement, on the real kernel. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { advertisedDefaults } from '../../lib/kernel/lookups/advertised-defaults.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { advertiseRouter } from '../support/router-advertisement.ts';

/** A node with a default route by an advertisement on `uplink`; its kernel has accept_ra=1, the default. */
async function advertised(t: ExecutionContext) {
  const { lab, node } = await createNodeLab(t, 1);
  const router = await lab.namespace('router');
  await lab.link(node, 'uplink', router, 'to-node');
  for (const [host, link] of [
    [node, 'uplink'],
    [router, 'to-node'],
  ] as const)
    await host.configure(link);
  const routes = () => node.ipJson<{ dev: string }[]>('-6', 'route', 'show', 'default', 'proto', 'ra');
  const advertise = () =>
    eventually('the default route', async () => {
      await advertiseRouter(router, 'to-node');
      return (await routes()).length === 1;
    });
  await advertise();
  const forwarding = async () => (await node.exec('sysctl', '-n', 'net.ipv6.conf.all.forwarding')).trim();
  const setAcceptRa = (value: number) => node.sysctl({ 'net.ipv6.conf.uplink.accept_ra': value });
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  return { lab, node, advertise, routes, forwarding, setAcceptRa, links: () => advertisedDefaults(socket) };
}

test('the kernel drops such a route when IPv6 forwarding comes on, unless accept_ra is 2', async t => {
  const { node, advertise, routes, setAcceptRa, links } = await advertised(t);
  t.deepEqual(await links(), ['uplink']);
  await node.sysctl({ 'net.ipv6.conf.all.forwarding': 1 });
  await eventually('the loss', async () => (await routes()).length === 0);
  t.deepEqual(await links(), []);
  await node.sysctl({ 'net.ipv6.conf.all.forwarding': 0 });
  await advertise();
  await setAcceptRa(2);
  await node.sysctl({ 'net.ipv6.conf.all.forwarding': 1 });
  t.is((await routes()).length, 1);
});

test('the agent does not turn IPv6 forwarding on before accept_ra is 2, and says so', async t => {
  const { lab, node, routes, forwarding, setAcceptRa } = await advertised(t);
  await node.sysctl({ 'net.ipv4.ip_forward': 0 });
  const files = layOutAgent(join(lab.dir, 'agent'), { reconcile: { tickMs: 100 } });
  const uid = 'dns-0';
  const pod = {
    namespace: 'default',
    name: uid,
    uid,
    hostInterface: 'p0',
    ipv4: '10.1.1.2',
    ipv6: 'fd00:1:1::2',
  };
  writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53', '2001:db8::53'], state: 'committed' }]);
  writePod(files, uid, { ready: true });
  const agent = startAgent(node, files);
  await eventually('the warning', () => agent.lines.some(({ code }) => code === 'PREFLIGHT_ACCEPT_RA'));
  t.like(
    agent.lines.find(({ code }) => code === 'PREFLIGHT_ACCEPT_RA'),
    { remedy: 'sysctl -w net.ipv6.conf.uplink.accept_ra=2' },
  );
  await eventually('the IPv4 route', async () => (await routesOf(node, 70)).length === 1);
  t.is(await forwarding(), '0');
  t.is((await routes()).length, 1);

  await setAcceptRa(2);
  await eventually('both routes', async () => (await routesOf(node, 70)).length === 2);
  t.is(await forwarding(), '1');
  t.is((await routes()).length, 1);
});
