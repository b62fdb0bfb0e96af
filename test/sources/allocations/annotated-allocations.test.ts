/** Annotated pods on a node's kernel, in the shapes that CNIs give them: a veth each, or a bridge. */
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import type { AddressPath } from '../../../lib/base/address-path.ts';
import { contributionOf, partsOf } from '../../../lib/desired/contribution.ts';
import { KernelPaths } from '../../../lib/kernel/lookups/kernel-paths.ts';
import { RouteSocket } from '../../../lib/kernel/socket/route-socket.ts';
import { AnnotatedAllocations } from '../../../lib/sources/allocations/annotated-allocations.ts';
import { podFromManifest } from '../../../lib/sources/pods/pod.ts';
import { PodCache } from '../../../lib/sources/pods/pod-cache.ts';
import { eventually, Lab, type Namespace } from '../../support/lab.ts';

const key = 'flock-anycast.io/addresses';

interface Options {
  againMs?: number;
  patienceMs?: number;
}

async function createNode(t: ExecutionContext, { againMs = 60_000, patienceMs }: Options = {}) {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const pods = await lab.namespace('pods');
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  const lines: { event: string; pod?: string }[] = [];
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = pino({ messageKey: 'event' }, sink);
  const paths = new KernelPaths({ socket, log });
  const asked: number[] = [];
  const finder = {
    start: paths.start.bind(paths),
    stop: () => paths.stop(),
    isUsable: (name: string) => paths.isUsable(name),
    find(addresses: readonly string[]): Promise<AddressPath[]> {
      asked.push(addresses.length);
      return paths.find(addresses);
    },
  };
  const cache = new PodCache();
  const source = new AnnotatedAllocations({
    pods: cache,
    finder,
    keys: [key],
    againMs,
    ...(patienceMs !== undefined && { patienceMs }),
    log,
  });
  t.teardown(() => source.stop());
  await source.start();
  const history: (string | undefined)[] = [];
  source.onChange(keys => {
    if (keys.has('default/dns')) history.push(source.snapshot().get('default/dns')?.hostInterface);
  });
  return {
    lab,
    node,
    pods,
    socket,
    cache,
    source,
    lines,
    /** The interface of the pod's allocation, at each change. */
    history,
    lookUps: () => asked.length,
    /** Of how many addresses, for each look-up. */
    asked,
    where: () => source.snapshot().get('default/dns')?.hostInterface,
  };
}

function pod(podIPs: string[], { name = 'dns', ready = true, terminating = false } = {}) {
  return podFromManifest(
    {
      metadata: {
        name,
        uid: name,
        annotations: { [key]: '192.0.2.53, 2001:db8::53' },
        ...(terminating && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      },
      status: {
        podIPs: podIPs.map(ip => ({ ip })),
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    },
    name,
    [key],
  );
}

/** As the ptp plugin, Calico, kube-router and Cilium with native routing do: a veth, and a route to it. */
async function addVeth(
  node: Namespace,
  pods: Namespace,
  name: string,
  ...addresses: string[]
): Promise<void> {
  await node.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', name, 'netns', pods.name);
  await pods.configure(name, ...addresses.map(address => `${address}/${address.includes(':') ? 128 : 32}`));
  await node.ipBatch([
    `link set ${name} up`,
    ...addresses.map(
      address => `route add ${address} dev ${name}${address.includes(':') ? '' : ' scope link'}`,
    ),
  ]);
}

const ptp = ['10.0.0.5', 'fd00::5'];

test('a pod with a veth and a route of its own is allocated there, and the kernel takes its nexthop', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  lab.cache.replace([pod(ptp)]);
  await eventually('the allocation', () => lab.source.synced && lab.where() === 'veth1');
  const allocation = lab.source.snapshot().get('default/dns');
  if (allocation === undefined) return t.fail();
  for (const { nexthop, destinations } of partsOf(contributionOf('default/dns', allocation)))
    for (const destination of destinations)
      await lab.node.ip(
        ...['route', 'add', destination, 'via', nexthop.via, 'dev', nexthop.interface, 'proto', '70'],
      );
  t.regex(await lab.node.ip('route', 'get', '192.0.2.53'), /via 10\.0\.0\.5 dev veth1/);
  t.regex(await lab.node.ip('route', 'get', '2001:db8::53'), /via fd00::5 dev veth1/);
  t.deepEqual(lab.source.refusals(), []);
});

test('a pod on a bridge is allocated on the bridge, and the kernel takes its nexthop', async t => {
  const lab = await createNode(t);
  await lab.node.ip('link', 'add', 'cni0', 'type', 'bridge');
  await lab.node.configure('cni0', '10.0.0.1/24', 'fd00::1/64');
  await lab.lab.link(lab.node, 'veth1', lab.pods, 'eth0');
  await lab.node.ipBatch(['link set veth1 master cni0', 'link set veth1 up']);
  await lab.pods.configure('eth0', '10.0.0.5/24', 'fd00::5/64');
  lab.cache.replace([pod(ptp)]);
  await eventually('the allocation', () => lab.where() === 'cni0');
  await lab.node.ip('route', 'add', '192.0.2.53', 'via', '10.0.0.5', 'dev', 'cni0', 'proto', '70');
  await lab.node.ip('route', 'add', '2001:db8::53', 'via', 'fd00::5', 'dev', 'cni0', 'proto', '70');
  await lab.pods.ip('addr', 'add', '192.0.2.53/32', 'dev', 'lo');
  await lab.node.exec('ping', '-c1', '-W5', '192.0.2.53');
  t.pass();
});

test('while nothing happens nothing is looked up; a pod’s readiness is no reason to', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  lab.cache.replace([pod(ptp)]);
  await eventually('the allocation', () => lab.where() === 'veth1');
  // Neighbour discovery and the like may still change the interface.
  const settled = await eventually('quiet', async () => {
    const before = lab.lookUps();
    await new Promise(resolve => setTimeout(resolve, 1000));
    return lab.lookUps() === before ? { before } : undefined;
  });
  for (const ready of [false, true, false, true]) lab.cache.upsert(pod(ptp, { ready }));
  await lab.node.ip('route', 'add', '203.0.113.0/24', 'dev', 'veth1');
  await lab.node.ip('route', 'add', '203.0.113.7', 'dev', 'veth1');
  await new Promise(resolve => setTimeout(resolve, 300));
  t.is(lab.lookUps(), settled.before);
});

test('an address that moves to another veth is followed', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  await addVeth(lab.node, lab.pods, 'veth2');
  lab.cache.replace([pod(ptp)]);
  await eventually('the allocation', () => lab.where() === 'veth1');
  await lab.node.ipBatch([
    'route replace 10.0.0.5 dev veth2 scope link',
    'route del fd00::5 dev veth1',
    'route add fd00::5 dev veth2',
  ]);
  await eventually(
    'the move',
    () => lab.where() === 'veth2' && lab.source.snapshot().get('default/dns')?.ipv6,
  );
  t.pass();
});

test('a pod whose route comes later than its address is served then, and a route at last replaces the refusal', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1');
  lab.cache.replace([pod(ptp)]);
  await eventually('the refusals', () => lab.source.synced && lab.source.refusals().length === 2);
  t.is(lab.where(), undefined);
  t.true(lab.lines.some(({ event, pod: name }) => name === 'default/dns' && event.includes('not reached')));
  await lab.node.ipBatch(['route add 10.0.0.5 dev veth1 table 100', 'rule add to 10.0.0.5 lookup 100']);
  await lab.node.ip('route', 'add', 'fd00::5', 'dev', 'veth1');
  // The rule alone is not heard of, but a look-up after it sees it.
  await lab.node.ip('route', 'replace', '10.0.0.5', 'dev', 'veth1', 'table', '100', 'proto', '99');
  await eventually('both families', () => lab.source.snapshot().get('default/dns')?.anycast.length === 2);
  t.deepEqual(lab.source.refusals(), []);
});

test('what the kernel tells nobody is found by asking again', async t => {
  const lab = await createNode(t, { againMs: 200 });
  await addVeth(lab.node, lab.pods, 'veth1');
  lab.cache.replace([pod(['10.0.0.5'])]);
  await eventually('the refusals', () => lab.source.refusals().length === 2);
  await lab.node.ip('route', 'add', '10.0.0.0/24', 'dev', 'veth1');
  await eventually('the allocation', () => lab.where() === 'veth1');
  t.pass();
});

test('a route that a CNI writes anew is no flap; one that stays away ends the allocation', async t => {
  const lab = await createNode(t, { patienceMs: 15_000 });
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  await addVeth(lab.node, lab.pods, 'eth0', '10.9.9.1');
  await lab.node.ip('route', 'add', 'default', 'via', '10.9.9.1', 'dev', 'eth0');
  lab.cache.replace([pod(['10.0.0.5'])]);
  await eventually('the allocation', () => lab.where() === 'veth1');
  const before = lab.lookUps();
  await lab.node.ip('route', 'del', '10.0.0.5', 'dev', 'veth1');
  await eventually('the look-up', () => lab.lookUps() > before);
  await lab.node.ip('route', 'add', '10.0.0.5', 'dev', 'veth1');
  await eventually('the look-up after it', () => lab.lookUps() > before + 1);
  t.deepEqual(lab.history, ['veth1']);
  const removed = performance.now();
  await lab.node.ip('route', 'del', '10.0.0.5', 'dev', 'veth1');
  await eventually('its end', () => lab.where() === undefined);
  // Whole patience anew: what was lost once and came back is not held against it.
  t.true(performance.now() - removed > 14_990);
  t.deepEqual(lab.history, ['veth1', undefined]);
  t.true(
    lab.source.refusals().some(({ message }) => message.includes('through the gateway 10.9.9.1 on eth0')),
  );
});

test('a veth that goes ends the allocation without patience, and one of the same name brings it back', async t => {
  const lab = await createNode(t, { patienceMs: 600_000 });
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  lab.cache.replace([pod(ptp)]);
  await eventually('the allocation', () => lab.where() === 'veth1');
  await lab.node.ip('link', 'del', 'veth1');
  await eventually('its end', () => lab.where() === undefined);
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  await eventually(
    'both families again',
    () => lab.source.snapshot().get('default/dns')?.anycast.length === 2,
  );
  t.pass();
});

test('an address of the node itself is refused, and another pod served all the same', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  await lab.node.ip('addr', 'add', '10.7.7.7/32', 'dev', 'lo');
  lab.cache.replace([pod(ptp), pod(['10.7.7.7'], { name: 'odd' })]);
  await eventually('the allocation', () => lab.where() === 'veth1');
  t.deepEqual([...lab.source.snapshot().keys()], ['default/dns']);
  t.deepEqual(
    lab.source.refusals().map(({ pod: name, message }) => `${name} ${message}`),
    [
      "default/odd 192.0.2.53: the pod's address 10.7.7.7 is an address of the node itself",
      'default/odd 2001:db8::53: the pod has no IPv6 address',
    ],
  );
});

test('an address that was given to another pod does not take the one that drains along', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1', ...ptp);
  lab.cache.replace([pod(ptp)]);
  await eventually('the allocation', () => lab.where() === 'veth1');
  lab.cache.upsert(pod(ptp, { terminating: true }));
  await lab.node.ip('link', 'del', 'veth1');
  await addVeth(lab.node, lab.pods, 'veth2', ...ptp);
  lab.cache.upsert(pod(ptp, { name: 'next' }));
  await eventually('the next one', () => lab.source.snapshot().get('default/next')?.anycast.length === 2);
  await eventually('the end of the former', () => lab.where() === undefined);
  lab.cache.remove('default/dns');
  t.is(lab.source.snapshot().get('default/next')?.hostInterface, 'veth2');
  t.deepEqual(lab.source.refusals(), []);
});

test('500 pods are one look-up', async t => {
  const lab = await createNode(t);
  await addVeth(lab.node, lab.pods, 'veth1');
  await lab.node.ipBatch(['route add 10.0.0.0/16 dev veth1', 'route add fd00::/64 dev veth1']);
  await eventually('quiet', async () => (await lab.node.ip('route', 'get', 'fd00::1')).includes('veth1'));
  lab.cache.replace(
    Array.from({ length: 500 }, (_, i) =>
      pod([`10.0.${i >> 8}.${i & 255}`, `fd00::${i.toString(16)}1`], { name: `p${i}` }),
    ),
  );
  await eventually('all of them', () => lab.source.synced && lab.source.snapshot().size === 500);
  t.is(lab.asked[0], 1000);
});
