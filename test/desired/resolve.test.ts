import test from 'ava';
import { canonicalNexthops, resolveAnycastTargets } from '../../lib/desired/resolve.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';

const allocation = (over: Partial<AllocationView> = {}): AllocationView => ({
  uid: 'u1',
  hostInterface: 'veth1',
  ipv4: '10.0.0.1',
  ipv6: 'fd00::1',
  anycast: ['192.0.2.53'],
  addresses: [],
  state: 'committed',
  ...over,
});
const pod = (over: Partial<PodView> = {}): PodView => ({
  uid: 'u1',
  ready: true,
  terminating: false,
  ...over,
});
const resolveOne = (one: AllocationView, its: PodView | undefined = pod()) =>
  resolveAnycastTargets(new Map([['ns/a', one]]), new Map(its ? [['ns/a', its]] : []));
const destinationsOf = (one: AllocationView, its?: PodView) => [...resolveOne(one, its).targets.keys()];

test('a Ready pod with a committed allocation serves its anycast addresses through its own address', t => {
  const { targets, warnings } = resolveOne(
    allocation({ anycast: ['192.0.2.53'], addresses: ['2001:DB8::0:53'] }),
  );
  t.deepEqual(
    [...targets.values()],
    [
      { destination: '192.0.2.53/32', nexthops: [{ interface: 'veth1', via: '10.0.0.1', weight: 1 }] },
      { destination: '2001:db8::53/128', nexthops: [{ interface: 'veth1', via: 'fd00::1', weight: 1 }] },
    ],
  );
  t.deepEqual(warnings, []);
});

test('a pod that is not Ready, terminating, unknown or has another uid serves nothing', t => {
  t.deepEqual(destinationsOf(allocation(), pod({ ready: false })), []);
  t.deepEqual(destinationsOf(allocation(), pod({ terminating: true })), []);
  t.deepEqual(destinationsOf(allocation(), pod({ uid: 'another' })), []);
  t.is(resolveAnycastTargets(new Map([['ns/a', allocation()]]), new Map()).targets.size, 0);
});

test('a static pod is served by its allocation, which has the uid that the kubelet gave it', t => {
  const mirror = pod({ uid: 'mirror', staticUid: 'u1' });
  t.deepEqual(destinationsOf(allocation(), mirror), ['192.0.2.53/32']);
  t.deepEqual(destinationsOf(allocation({ uid: 'mirror' }), mirror), ['192.0.2.53/32']);
  t.deepEqual(destinationsOf(allocation({ uid: 'former' }), mirror), []);
});

test('a pending allocation serves nothing', t => {
  t.deepEqual(destinationsOf(allocation({ state: 'pending' })), []);
});

test('one address in several spellings, and in both lists, is one destination with one nexthop', t => {
  const spellings = ['2001:db8::53', '2001:DB8:0:0::53', '2001:0db8::0053'];
  const { targets } = resolveOne(allocation({ anycast: spellings, addresses: spellings }));
  t.deepEqual([...targets.keys()], ['2001:db8::53/128']);
  t.is(targets.get('2001:db8::53/128')?.nexthops.length, 1);
});

test('two pods of one address are its nexthops in canonical order, independent of their order', t => {
  const pods = new Map([
    ['ns/a', pod()],
    ['ns/b', pod({ uid: 'u2' })],
  ]);
  const a = allocation({ hostInterface: 'vethZ' });
  const b = allocation({ uid: 'u2', hostInterface: 'vethA', ipv4: '10.0.0.2' });
  const forth = resolveAnycastTargets(
    new Map([
      ['ns/a', a],
      ['ns/b', b],
    ]),
    pods,
  );
  const back = resolveAnycastTargets(
    new Map([
      ['ns/b', b],
      ['ns/a', a],
    ]),
    pods,
  );
  t.deepEqual(forth.targets, back.targets);
  t.deepEqual(
    forth.targets.get('192.0.2.53/32')?.nexthops.map(nexthop => nexthop.interface),
    ['vethA', 'vethZ'],
  );
});

test('an address of a family that the pod lacks contributes nothing, and the warning has a remedy', t => {
  const { targets, warnings } = resolveOne(
    allocation({ ipv6: null, anycast: ['192.0.2.53', '2001:db8::53'] }),
  );
  t.deepEqual([...targets.keys()], ['192.0.2.53/32']);
  t.is(warnings.length, 1);
  t.like(warnings[0], { key: 'ns/a', value: '2001:db8::53' });
  t.regex(warnings[0]?.remedy ?? '', /IPv6 address/);
});

test('an invalid address, and one that can not be anycast, is in a warning, and the others are served', t => {
  const bad = ['localhost', '127.0.0.1', 'ff02::1', '192.0.2.0/24', "1'; drop"];
  const { targets, warnings } = resolveOne(allocation({ anycast: [...bad, '192.0.2.53'] }));
  t.deepEqual([...targets.keys()], ['192.0.2.53/32']);
  t.deepEqual(
    warnings.map(({ value }) => value),
    bad,
  );
});

test('a unicast address under the wrong family is in a warning, and is no nexthop', t => {
  const { targets, warnings } = resolveOne(allocation({ ipv4: 'fd00::1' }));
  t.is(targets.size, 0);
  t.true(warnings.some(({ value, remedy }) => value === 'fd00::1' && remedy.includes('ipv6')));
});

test('the same interface and via twice is one nexthop, of the larger weight', t => {
  const nexthop = { interface: 'veth1', via: '10.0.0.1' };
  t.deepEqual(
    canonicalNexthops([
      { ...nexthop, weight: 1 },
      { ...nexthop, weight: 7 },
    ]),
    [{ ...nexthop, weight: 7 }],
  );
});
