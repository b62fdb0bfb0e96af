/** The whole agent with allocations from annotations: no CNI of ours, no allocation file. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  layOutAgent,
  type PodState,
  removePod,
  startAgent,
  writeAllocations,
  writeFileAtomically,
  writePod,
} from '../support/agent.ts';
import { eventually, Lab } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';

const listen = '127.0.0.1:9471';
const fetchStatus = `fetch('http://${listen}/status').then(answer => answer.text()).then(console.log)`;

/** A node with two pods in the shape of the ptp plugin: a veth each, and host routes to them. */
/** @param allocations undefined for an allocation file */
async function nodeWithPods(t: ExecutionContext, allocations?: object) {
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
  const files = layOutAgent(join(lab.dir, 'agent'), {
    ...(allocations && { allocations }),
    observe: { listen },
  });
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
  return { lab, node, files, write, see, refusals };
}

test('annotated pods are routed through their veths while they are Ready, whatever route leads to them', async t => {
  const { node, files, write, see } = await nodeWithPods(t, { source: 'annotations' });
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

test('what is refused is in the log and at /status with its reason, until it is mended', async t => {
  const { node, files, write, see, refusals } = await nodeWithPods(t, { source: 'annotations' });
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

// What a careless pool of an operator lets a pod have: all of it, but for what can never be anycast.
test('a pod does not get the gateway, a peer, the node or another pod, whatever the sources are', async t => {
  const { lab, node, files, write, see, refusals } = await nodeWithPods(t, { source: 'annotations' });
  await lab.link(node, 'up0', node, 'up1');
  await node.ipBatch([
    'link set up1 up',
    'addr add 203.0.113.2/24 dev up0',
    'addr add 2001:db8:113::2/64 dev up0 nodad',
    'link set up0 up',
    'route add default via 203.0.113.1',
    'route add default via 2001:db8:113::1',
    'route add 198.51.100.0/24 nexthop via 203.0.113.7 nexthop via 203.0.113.8',
  ]);
  const peers = [{ name: 'tor', address: '203.0.113.9', asn: 64500 }];
  writeFileSync(
    files.nodeConfig,
    JSON.stringify({ bgp: { localAsn: 64512, routerId: '203.0.113.2', peers } }),
  );
  const expected: Record<string, string> = {
    '203.0.113.1': 'the gateway of a route',
    '2001:db8:113::1': 'the gateway of a route',
    '203.0.113.7': 'the gateway of a route',
    '203.0.113.8': 'the gateway of a route',
    '203.0.113.9': 'the address of a BGP peer',
    '203.0.113.2': 'an address of this node',
    '10.0.0.11': 'the address of pod default/dns-1',
  };
  write(0, [...Object.keys(expected), '192.0.2.53'].join());
  write(1, '');
  startAgent(node, files);
  await see('192.0.2.53/32 10.0.0.10%veth0');
  const messages = (await refusals()).map(({ message }) => message);
  t.deepEqual(
    messages.sort(),
    Object.entries(expected)
      .map(
        ([address, what]) =>
          `${address} is ${what}${what.endsWith('route') ? ' of this node' : ''} and can not be anycast`,
      )
      .sort(),
  );
});

test('an allocation file does not get them either', async t => {
  const { node, files, see, refusals } = await nodeWithPods(t);
  await node.ip('route', 'add', '198.51.100.0/24', 'via', '10.0.0.11', 'dev', 'veth1', 'onlink');
  writePod(files, 'dns-0', { ready: true, podIPs: ['10.0.0.10'] });
  const anycast = ['192.0.2.53', '10.0.0.11'];
  const of = { namespace: 'default', name: 'dns-0', uid: 'dns-0', hostInterface: 'veth0', onlink: true };
  writeAllocations(files, [{ ...of, ipv4: '10.0.0.10', anycast, state: 'committed' }]);
  startAgent(node, files);
  await see('192.0.2.53/32 10.0.0.10%veth0');
  t.deepEqual(
    (await refusals()).map(({ message }) => message),
    ['10.0.0.11 is the gateway of a route of this node and can not be anycast'],
  );
});

test('pools of a file say which namespace has which addresses, and change while the agent runs', async t => {
  const { node, files, write, see, refusals } = await nodeWithPods(t, { source: 'annotations' });
  const pools = (cidr: string, namespace: string) =>
    writeFileAtomically(
      files.poolFile,
      JSON.stringify({
        reserved: ['192.0.2.64/26'],
        pools: [{ name: 'dns', cidrs: [cidr], namespaces: { names: [namespace] } }],
      }),
    );
  rmSync(files.poolFile);
  write(0, '192.0.2.53, 192.0.2.65');
  const agent = startAgent(node, files);
  await agent.logged(`pools: can not read ${files.poolFile}`);
  await see();
  pools('192.0.2.0/24', 'default');
  await see('192.0.2.53/32 10.0.0.10%veth0');
  t.deepEqual(
    (await refusals()).map(({ message }) => message),
    ['192.0.2.65 is reserved: it is in 192.0.2.64/26'],
  );
  writeFileAtomically(files.poolFile, '{');
  await agent.logged('the last good one stays');
  await see('192.0.2.53/32 10.0.0.10%veth0');
  pools('192.0.2.0/24', 'others');
  await see();
});

test('a restart changes nothing that is right: routes stay until pods and their ways are known', async t => {
  const { node, files, write, see } = await nodeWithPods(t, { source: 'annotations' });
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
