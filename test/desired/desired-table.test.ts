import test from 'ava';
import fc from 'fast-check';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import { type AllocationView, type PodView, resolveAnycastTargets } from '../../lib/desired/resolve.ts';

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
  fc.record({ uid, ready: fc.boolean(), terminating: fc.boolean() }),
  { nil: undefined },
);
const step = fc.record({ key: fc.constantFrom(...keys), allocation, pod });

test('kept current step by step, the desired set is the one computed from nothing', t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const table = new DesiredTable();
      const allocations = new Map<string, AllocationView>();
      const pods = new Map<string, PodView>();
      let before = resolveAnycastTargets(allocations, pods).targets;
      for (const { key, allocation, pod } of steps) {
        if (allocation) allocations.set(key, allocation);
        else allocations.delete(key);
        if (pod) pods.set(key, pod);
        else pods.delete(key);
        const { touched } = table.update(key, allocation, pod);
        const { targets } = resolveAnycastTargets(allocations, pods);
        t.deepEqual(new Set(table.destinations()), new Set(targets.keys()));
        for (const [destination, target] of targets)
          t.deepEqual(table.nexthops(destination), target.nexthops);
        for (const destination of new Set([...before.keys(), ...targets.keys()])) {
          const changed =
            JSON.stringify(before.get(destination)) !== JSON.stringify(targets.get(destination));
          if (changed) t.true(touched.includes(destination), `${destination} changed untold`);
        }
        before = targets;
      }
    }),
    { numRuns: 300 },
  );
});

test('a pod that flips touches its own destinations alone', t => {
  const table = new DesiredTable();
  const one = (n: number): AllocationView => ({
    uid: 'u',
    hostInterface: `veth${n}`,
    ipv4: `10.0.0.${n}`,
    anycast: [`192.0.2.${n}`],
    addresses: [],
    state: 'committed',
  });
  const ready = { uid: 'u', ready: true, terminating: false };
  table.update('ns/a', one(1), ready);
  table.update('ns/b', one(2), ready);
  t.deepEqual(table.update('ns/a', one(1), { ...ready, ready: false }).touched, ['192.0.2.1/32']);
  t.deepEqual(table.update('ns/a', one(1), { ...ready, ready: false }).touched, []);
});

test('a warning is told once per allocation, not per pass, and again for the next allocation', t => {
  const table = new DesiredTable();
  const bad = (): AllocationView => ({
    uid: 'u',
    hostInterface: 'veth1',
    anycast: ['nonsense'],
    addresses: [],
    state: 'committed',
  });
  const allocation = bad();
  const pod = { uid: 'u', ready: true, terminating: false };
  t.is(table.update('ns/a', allocation, pod).warnings.length, 1);
  t.is(table.update('ns/a', allocation, { ...pod, ready: false }).warnings.length, 0);
  t.is(table.update('ns/a', allocation, pod).warnings.length, 0);
  t.is(table.update('ns/a', bad(), pod).warnings.length, 1);
});
