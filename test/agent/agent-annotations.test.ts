/** The whole agent with allocations from annotations: no CNI of ours, no allocation file. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { layOutAgent, type PodState, removePod, startAgent, writePod } from '../support/agent.ts';
import { eventually, Lab } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';

const listen = '127.0.0.1:9471';
const fetchStatus = `fetch('http://${listen}/status').then(answer => answer.text()).then(console.log)`;

/** A node with two pods in the shape of the ptp plugin: a veth each, and host routes to them. */
async function nodeWithPods(t: ExecutionContext, allocations: object = { source: 'annotations' }) {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const pods = await lab.namespace('pods');
  for (const index of [0, 1]) {
    const name = `veth${index}`;
    await lab.link(node, name, pods, name);
    await pods.configure(name, `10.0.0.1${index}/32`, `fd00::1${index}/128`);
    await node.ipBatch([
      `link set ${name} up`,
      `route add 10.0.0.1${index} dev ${name} scope link`,
      `route add fd00::1${index} dev ${name}`,
    ]);
  }
  const files = layOutAgent(join(lab.dir, 'agent'), { allocations, observe: { listen } });
  const write = (
    index: number,
    value: string,
    over: Partial<PodState> = {},
    key = 'flock-anycast.io/addresses',
  ) =>
    writePod(files, `dns-${index}`, {
      ready: true,
      podIPs: [`10.0.0.1${index}`, `fd00::1${index}`],
      annotations: { [key]: value },
      ...over,
    });
  const see = (...expected: string[]) => {
    let seen: string[] = [];
    return eventually(
      () => `${expected}; there is ${seen}`,
      async () => {
        seen = (await routesOf(node, 70)).map(({ destination, nexthops }) => `${destination} ${nexthops}`);
        return String(seen) === String(expected);
      },
    );
  };
  const refusals = async () =>
    JSON.parse(await node.exec(process.execPath, '-e', fetchStatus)).refusals as {
      pod: string;
      message: string;
    }[];
  return { node, files, write, see, refusals };
}

test('annotated pods are routed through their veths while they are Ready, with any form of the host route', async t => {
  const { node, files, write, see } = await nodeWithPods(t);
  rmSync(files.allocations, { force: true });
  write(0, '192.0.2.53, 2001:db8::53');
  write(1, '192.0.2.53', { ready: false }, 'flock.fritzlab.net/anycast');
  startAgent(node, files);
  await see('192.0.2.53/32 10.0.0.10%veth0', '2001:db8::53/128 fd00::10%veth0');
  write(1, '192.0.2.53', {}, 'flock.fritzlab.net/anycast');
  await see('192.0.2.53/32 10.0.0.10%veth0,10.0.0.11%veth1', '2001:db8::53/128 fd00::10%veth0');
  write(0, '2001:db8::53');
  await see('192.0.2.53/32 10.0.0.11%veth1', '2001:db8::53/128 fd00::10%veth0');
  await node.ip('route', 'replace', '10.0.0.11', 'dev', 'veth0', 'scope', 'link');
  await see('192.0.2.53/32 10.0.0.11%veth0', '2001:db8::53/128 fd00::10%veth0');
  removePod(files, 'dns-0');
  await see('192.0.2.53/32 10.0.0.11%veth0');
  removePod(files, 'dns-1');
  await see();
  t.pass();
});

test('a refused address is in the log and at /status with its reason, until the annotation is corrected', async t => {
  const { node, files, write, see, refusals } = await nodeWithPods(t);
  write(0, '192.0.2.53, 192.0.2.530');
  write(1, '192.0.2.54', { hostNetwork: true });
  const agent = startAgent(node, files);
  await see('192.0.2.53/32 10.0.0.10%veth0');
  await agent.logged('"192.0.2.530" is not an IP address');
  await agent.logged('hostNetwork');
  await eventually('both at /status', async () => (await refusals()).length === 2);
  t.deepEqual((await refusals()).map(({ pod }) => pod).sort(), ['default/dns-0', 'default/dns-1']);
  write(0, '192.0.2.53');
  removePod(files, 'dns-1');
  await eventually('none at /status', async () => (await refusals()).length === 0);
});

test('other annotation keys can be configured, and then only those count', async t => {
  const { node, files, write, see } = await nodeWithPods(t, {
    source: 'annotations',
    keys: ['example.org/anycast'],
  });
  write(0, '192.0.2.53', {}, 'example.org/anycast');
  write(1, '192.0.2.53');
  startAgent(node, files);
  await see('192.0.2.53/32 10.0.0.10%veth0');
  t.pass();
});

test('a restart changes no route that is right: routes stay until pods and their interfaces are known', async t => {
  const { node, files, write, see } = await nodeWithPods(t);
  write(0, '192.0.2.53');
  const first = startAgent(node, files);
  await see('192.0.2.53/32 10.0.0.10%veth0');
  first.child.kill('SIGKILL');
  await first.exit;
  const second = startAgent(node, files);
  await second.logged('in sync: 1 route(s) of ours');
  t.deepEqual(
    second.lines.filter(({ event }) => /^(advertise|hold|remove)/.test(event ?? '')),
    [],
  );
});
