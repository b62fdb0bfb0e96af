import test from 'ava';
import fc from 'fast-check';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import { resolveAnycastTargets } from '../../lib/desired/resolve.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';
import { weightAnnotation } from '../../lib/desired/weight.ts';

const policy = { terminatingMs: 5000, longestMs: 60_000, notReadyMs: 0 };
const keys = ['ns/a', 'ns/b', 'ns/c', 'ns/d'];
const address = fc.constantFrom(
  '192.0.2.1',
  '192.0.2.2',
  '2001:db8::1',
  '2001:DB8::1',
  '2001:db8::2',
  'nonsense',
);
const uid = fc.constantFrom('u1', 'u2');
const allocation: fc.Arbitrary<AllocationView | undefined> = fc.option(
  fc.record({
    uid,
    hostInterface: fc.constantFrom('veth1', 'veth2', 'veth3'),
    ipv4: fc.constantFrom('10.0.0.1', '10.0.0.2', null),
    ipv6: fc.constantFrom('fd00::1', undefined),
    anycast: fc.array(address, { maxLength: 3 }),
    addresses: fc.array(address, { maxLength: 2 }),
    state: fc.constantFrom('pending' as const, 'committed' as const, 'committed' as const),
  }),
  { nil: undefined },
);
const pod: fc.Arbitrary<PodView | undefined> = fc.option(
  fc.record({
    uid,
    ready: fc.boolean(),
    terminating: fc.boolean(),
    containersTerminated: fc.boolean(),
    annotations: fc.constantFrom({}, { [weightAnnotation]: '3' }, { [weightAnnotation]: 'heavy' }),
  }),
  { nil: undefined },
);
const step = fc.record({ key: fc.constantFrom(...keys), allocation, pod });

test('the set updated step by step equals the set computed from scratch', t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const table = new DesiredTable(policy);
      const allocations = new Map<string, AllocationView>();
      const pods = new Map<string, PodView>();
      let before = resolveAnycastTargets(allocations, pods).targets;
      for (const { key, allocation, pod } of steps) {
        if (allocation) allocations.set(key, allocation);
        else allocations.delete(key);
        if (pod) pods.set(key, pod);
        else pods.delete(key);
        const { touched } = table.update(key, allocation, pod, 0);
        const { targets } = resolveAnycastTargets(allocations, pods);
        for (const [destination, { nexthops }] of targets) {
          t.deepEqual(table.target(destination), { nexthops });
        }
        for (const destination of table.destinations()) {
          t.true(targets.has(destination) || table.target(destination).holdUntil !== undefined);
        }
        for (const destination of new Set([...before.keys(), ...targets.keys()])) {
          const changed =
            JSON.stringify(before.get(destination)) !== JSON.stringify(targets.get(destination));
          if (changed) t.true(touched.includes(destination), `${destination} changed, and was not returned`);
        }
        before = targets;
      }
    }),
    { numRuns: 300 },
  );
});

test('a change of a pod touches its own destinations alone', t => {
  const table = new DesiredTable(policy);
  const one = (n: number): AllocationView => ({
    uid: 'u',
    hostInterface: `veth${n}`,
    ipv4: `10.0.0.${n}`,
    anycast: [`192.0.2.${n}`],
    addresses: [],
    state: 'committed',
  });
  const ready = { uid: 'u', ready: true, terminating: false };
  table.update('ns/a', one(1), ready, 0);
  table.update('ns/b', one(2), ready, 0);
  t.deepEqual(table.update('ns/a', one(1), { ...ready, ready: false }, 0).touched, ['192.0.2.1/32']);
  t.deepEqual(table.update('ns/a', one(1), { ...ready, ready: false }, 0).touched, []);
});

test('destinations of the same pods share their target, until one of the pods changes', t => {
  const table = new DesiredTable(policy);
  const ready = { uid: 'u', ready: true, terminating: false };
  const anycast = ['192.0.2.1', '2001:db8::1', '192.0.2.2', '2001:db8::2'];
  const shared = (n: number): AllocationView => ({
    uid: 'u',
    hostInterface: `veth${n}`,
    ipv4: `10.0.0.${n}`,
    ipv6: `fd00::${n}`,
    anycast: n === 3 ? anycast.slice(2) : anycast,
    addresses: [],
    state: 'committed',
  });
  const allocations = [1, 2, 3].map(shared);
  const update = (n: number, pod: PodView) => table.update(`ns/${n}`, allocations[n - 1], pod, 0);
  update(1, ready);
  update(2, ready);
  t.is(table.target('192.0.2.1/32'), table.target('192.0.2.2/32'));
  t.is(table.target('2001:db8::1/128'), table.target('2001:db8::2/128'));
  update(3, ready);
  t.is(table.target('192.0.2.1/32').nexthops.length, 2);
  t.is(table.target('192.0.2.2/32').nexthops.length, 3);
  update(3, { ...ready, ready: false });
  t.is(table.target('192.0.2.1/32'), table.target('192.0.2.2/32'));
});

test('a warning is reported once per allocation, not per pass, and again for the next allocation', t => {
  const table = new DesiredTable(policy);
  const bad = (): AllocationView => ({
    uid: 'u',
    hostInterface: 'veth1',
    anycast: ['nonsense'],
    addresses: [],
    state: 'committed',
  });
  const allocation = bad();
  const pod = { uid: 'u', ready: true, terminating: false };
  t.is(table.update('ns/a', allocation, pod, 0).warnings.length, 1);
  t.is(table.update('ns/a', allocation, { ...pod, ready: false }, 0).warnings.length, 0);
  t.is(table.update('ns/a', allocation, pod, 0).warnings.length, 0);
  t.is(table.update('ns/a', bad(), pod, 0).warnings.length, 1);
});

const serving: AllocationView = {
  uid: 'u',
  hostInterface: 'veth1',
  ipv4: '10.0.0.1',
  anycast: ['192.0.2.1'],
  addresses: [],
  state: 'committed',
};
const ready: PodView = { uid: 'u', ready: true, terminating: false };
const leaving: PodView = { ...ready, terminating: true };
const nexthop = { interface: 'veth1', via: '10.0.0.1', weight: 1 };

test('when the last pod of a destination terminates, its drain begins when that is first seen', t => {
  const table = new DesiredTable(policy);
  table.update('ns/a', serving, ready, 1000);
  table.update('ns/a', serving, leaving, 2000);
  t.deepEqual(table.target('192.0.2.1/32'), { nexthops: [nexthop], holdUntil: 7000 });
  table.update('ns/a', serving, leaving, 4000);
  t.is(table.target('192.0.2.1/32').holdUntil, 7000);
});

test('a terminating pod leaves at once while another pod serves', t => {
  const table = new DesiredTable(policy);
  table.update('ns/a', serving, ready, 0);
  table.update('ns/b', { ...serving, hostInterface: 'veth2', ipv4: '10.0.0.2' }, ready, 0);
  t.deepEqual(table.update('ns/a', serving, leaving, 0).touched, ['192.0.2.1/32']);
  t.deepEqual(table.target('192.0.2.1/32'), {
    nexthops: [{ interface: 'veth2', via: '10.0.0.2', weight: 1 }],
  });
});

for (const [what, pod] of [
  ['turns not Ready', { ...leaving, ready: false }],
  ['has no running container', { ...leaving, containersTerminated: true }],
  ['is gone', undefined],
  ['is another pod of its name', { ...ready, uid: 'u2' }],
] as const) {
  test(`a drain ends when the pod ${what}`, t => {
    const table = new DesiredTable(policy);
    table.update('ns/a', serving, ready, 0);
    table.update('ns/a', serving, leaving, 0);
    t.deepEqual(table.update('ns/a', serving, pod, 1).touched, ['192.0.2.1/32']);
    t.deepEqual(table.target('192.0.2.1/32'), { nexthops: [] });
  });
}

test('a pod that is not Ready leaves at once by default, and drains where that is configured', t => {
  const unready = { ...ready, ready: false };
  const strict = new DesiredTable(policy);
  strict.update('ns/a', serving, ready, 0);
  strict.update('ns/a', serving, unready, 0);
  t.deepEqual(strict.target('192.0.2.1/32'), { nexthops: [] });

  const lenient = new DesiredTable({ ...policy, notReadyMs: 3000 });
  lenient.update('ns/a', serving, unready, 0);
  t.deepEqual(lenient.target('192.0.2.1/32'), { nexthops: [] }, 'it never served');
  lenient.update('ns/a', serving, ready, 0);
  lenient.update('ns/a', serving, unready, 1000);
  t.is(lenient.target('192.0.2.1/32').holdUntil, 4000);
  lenient.update('ns/a', serving, ready, 2000);
  t.deepEqual(lenient.target('192.0.2.1/32'), { nexthops: [nexthop] });
});

test('a pod that has ended serves nothing and drains nothing, whatever its condition Ready says', t => {
  const table = new DesiredTable({ ...policy, notReadyMs: 3000 });
  const ended = { ...ready, containersTerminated: true };
  table.update('ns/a', serving, ended, 0);
  t.deepEqual(table.target('192.0.2.1/32'), { nexthops: [] });
  table.update('ns/a', serving, ready, 0);
  table.update('ns/a', serving, ended, 0);
  t.deepEqual(table.target('192.0.2.1/32'), { nexthops: [] });
});

test('a pod may request its drain time, up to the longest allowed; an invalid number is reported', t => {
  const ask = (seconds: string) => {
    const table = new DesiredTable(policy);
    const pod = { ...leaving, annotations: { 'flock-anycast.io/drain-seconds': seconds } };
    const { warnings } = table.update('ns/a', serving, pod, 0);
    return [table.target('192.0.2.1/32').holdUntil, warnings.length];
  };
  t.deepEqual(ask('20'), [20_000, 0]);
  t.deepEqual(ask('0.5'), [500, 0]);
  t.deepEqual(ask('86400'), [60_000, 1]);
  t.deepEqual(ask('-1'), [5000, 1]);
  t.deepEqual(ask('forever'), [5000, 1]);
});
