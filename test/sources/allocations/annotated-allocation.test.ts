import test from 'ava';
import type { AddressPath } from '../../../lib/base/address-path.ts';
import { allocationOf, needsPaths } from '../../../lib/sources/allocations/annotated-allocation.ts';
import type { Pod } from '../../../lib/sources/pods/pod.ts';

const keys = ['flock-anycast.io/addresses'];
const veth: AddressPath = { kind: 'neighbour', interface: 'veth1' };

function podOf(over: Partial<Pod> = {}): Pod {
  return {
    namespace: 'default',
    name: 'dns-0',
    uid: 'u',
    ready: true,
    terminating: false,
    containersTerminated: false,
    hostNetwork: false,
    podIPs: ['10.0.0.5', 'fd00::5'],
    annotations: { 'flock-anycast.io/addresses': '192.0.2.53, 2001:db8::53' },
    ...over,
  } as Pod;
}

const allocation = {
  namespace: 'default',
  name: 'dns-0',
  uid: 'u',
  hostInterface: 'veth1',
  ipv4: '10.0.0.5',
  ipv6: 'fd00::5',
  onlink: true,
  anycast: ['192.0.2.53', '2001:db8::53'],
  addresses: [],
  state: 'committed' as const,
};

const judge = (
  pod: Pod,
  paths: Record<string, AddressPath> = { '10.0.0.5': veth, 'fd00::5': veth },
  former = 'veth1',
) => allocationOf(pod, keys, address => paths[address], former);

test('a pod that asks, with a way to each of its addresses, is an allocation', t => {
  t.deepEqual(judge(podOf()), { allocation, reasons: [] });
  t.deepEqual(judge(podOf({ ready: false })), { allocation, reasons: [] });
});

for (const [what, path, words] of [
  [
    'behind a gateway',
    { kind: 'gateway', interface: 'eth0', gateway: '10.9.9.1' },
    "192.0.2.53: the pod's address 10.0.0.5 is not on this node: it is reached through the gateway 10.9.9.1 on eth0",
  ],
  [
    'that is the node’s own',
    { kind: 'local' },
    "192.0.2.53: the pod's address 10.0.0.5 is an address of the node itself",
  ],
  [
    'that nothing leads to',
    { kind: 'none', reason: 'network is unreachable (ENETUNREACH)' },
    "192.0.2.53: the pod's address 10.0.0.5 is not reached from this node: network is unreachable (ENETUNREACH)",
  ],
] as const satisfies readonly (readonly [string, AddressPath, string])[]) {
  test(`an address ${what} is refused for its family, and the other family served`, t => {
    const judged = judge(podOf(), { '10.0.0.5': path, 'fd00::5': veth });
    const { ipv4: _, ...rest } = allocation;
    t.deepEqual(judged.allocation, { ...rest, anycast: ['2001:db8::53'] });
    t.deepEqual(
      judged.reasons.map(({ message }) => message),
      [words],
    );
  });

  test(`an address ${what} is no news of a pod that is coming or going`, t => {
    const paths = { '10.0.0.5': path, 'fd00::5': path };
    t.deepEqual(judge(podOf({ ready: false }), paths), { reasons: [] });
    t.deepEqual(judge(podOf({ terminating: true }), paths), { reasons: [] });
  });
}

test('a family that the pod has no address of is refused by name, and one that it does not ask for is not missed', t => {
  const judged = judge(podOf({ podIPs: ['10.0.0.5'] }));
  t.deepEqual(judged.allocation?.anycast, ['192.0.2.53']);
  t.deepEqual(
    judged.reasons.map(({ value, message }) => `${value}: ${message}`),
    ['2001:db8::53: 2001:db8::53: the pod has no IPv6 address'],
  );
  const wanting = podOf({
    podIPs: ['fd00::5'],
    annotations: { 'flock-anycast.io/addresses': '2001:db8::53' },
  });
  t.deepEqual(judge(wanting).reasons, []);
});

test('addresses on two interfaces are not one allocation: the second is refused', t => {
  const judged = judge(podOf(), { '10.0.0.5': veth, 'fd00::5': { kind: 'neighbour', interface: 'veth2' } });
  t.deepEqual(judged.allocation?.anycast, ['192.0.2.53']);
  t.regex(judged.reasons[0]?.message ?? '', /fd00::5 is on veth2, its other one on veth1/);
});

test('a hostNetwork pod is refused, Ready or not', t => {
  const pod = podOf({ hostNetwork: true, ready: false });
  t.false(needsPaths(pod, keys));
  const { allocation: none, reasons } = judge(pod, {});
  t.is(none, undefined);
  t.deepEqual(
    reasons.map(({ value }) => value),
    ['192.0.2.53, 2001:db8::53'],
  );
  t.regex(reasons[0]?.message ?? '', /hostNetwork/);
});

test('a pod that has no address yet, has ended, or does not ask is nothing at all', t => {
  t.deepEqual(judge(podOf({ podIPs: [] })), { reasons: [] });
  t.deepEqual(judge(podOf({ containersTerminated: true })), { reasons: [] });
  t.deepEqual(judge(podOf({ annotations: {} })), { reasons: [] });
});

test('a terminating pod whose address leads to another interface now is not followed there', t => {
  const elsewhere: AddressPath = { kind: 'neighbour', interface: 'veth9' };
  const moved = { '10.0.0.5': elsewhere, 'fd00::5': elsewhere };
  t.deepEqual(judge(podOf({ terminating: true }), moved), { reasons: [] });
  t.is(judge(podOf(), moved).allocation?.hostInterface, 'veth9');
  t.deepEqual(judge(podOf({ terminating: true })).allocation, allocation);
});
