import test from 'ava';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';
import { weightAnnotation, weightOf, weightProblem } from '../../lib/desired/weight.ts';

const destination = '192.0.2.1/32';
const policy = { terminatingMs: 5000, longestMs: 60_000, notReadyMs: 0, byWeight: true };
const allocation = (index: number): AllocationView => ({
  uid: `u${index}`,
  hostInterface: `veth${index}`,
  ipv4: `10.0.0.${index}`,
  anycast: ['192.0.2.1'],
  addresses: [],
  state: 'committed',
});
const pod = (index: number, terminating = false, weight?: string): PodView => ({
  uid: `u${index}`,
  ready: true,
  terminating,
  annotations: weight === undefined ? {} : { [weightAnnotation]: weight },
});
const weights = (table: DesiredTable) =>
  table.target(destination).nexthops.map(({ interface: name, weight }) => `${name} ${weight}`);

function serving(given: Partial<typeof policy>, ...pods: PodView[]): DesiredTable {
  const table = new DesiredTable({ ...policy, ...given });
  for (const [index, each] of pods.entries()) table.update(`ns/${index + 1}`, allocation(index + 1), each, 0);
  return table;
}

test("a pod's weight is a whole number from 1 to 100; anything else is reported, and counts as 1", t => {
  const withWeight = (text: string) => pod(1, false, text);
  t.deepEqual(
    ['1', '7', '100'].map(text => weightOf(withWeight(text))),
    [1, 7, 100],
  );
  for (const text of ['0', '101', '-1', '1.5', '1e2', ' 1', '', 'much', '0x10', '001']) {
    t.is(weightOf(withWeight(text)), 1, text);
    t.regex(
      weightProblem(withWeight(text)) ?? '',
      /flock-anycast\.io\/weight: ".*" is not a whole number/,
      text,
    );
  }
  t.is(weightProblem(pod(1)), undefined);
});

test('weights are those of the pods, whatever the form of the route', t => {
  const table = serving({ byWeight: false }, pod(1, false, '3'), pod(2));
  t.deepEqual(weights(table), ['veth1 3', 'veth2 1']);
  table.update('ns/1', allocation(1), pod(1, false, '2'), 0);
  t.deepEqual(weights(table), ['veth1 2', 'veth2 1']);
});

test("a terminating pod drains with weight 1, others' weights are raised as far as possible, and it leaves at its deadline", t => {
  const table = serving({}, pod(1), pod(2), pod(3));
  const change = table.update('ns/1', allocation(1), pod(1, true), 1000);
  t.deepEqual(change.touched, [destination]);
  t.deepEqual(weights(table), ['veth1 1', 'veth2 255', 'veth3 255']);
  t.is(table.target(destination).holdUntil, undefined, 'it is still announced');
  t.is(table.nextDeadline, 6000);
  t.deepEqual(table.endDrains(5999), []);
  t.deepEqual(table.endDrains(6000), [destination]);
  t.deepEqual(weights(table), ['veth2 1', 'veth3 1']);
  t.is(table.nextDeadline, Number.POSITIVE_INFINITY);
});

test('unequal weights keep their proportion while another pod drains', t => {
  const table = serving({}, pod(1), pod(2, false, '2'), pod(3, false, '100'));
  table.update('ns/1', allocation(1), pod(1, true), 0);
  t.deepEqual(weights(table), ['veth1 1', 'veth2 4', 'veth3 200']);
});

test('a drain by weight ends at once when the pod is not Ready, or is gone', t => {
  for (const end of [{ ...pod(1, true), ready: false }, undefined]) {
    const table = serving({}, pod(1), pod(2));
    table.update('ns/1', allocation(1), pod(1, true), 0);
    t.deepEqual(table.update('ns/1', allocation(1), end, 10).touched, [destination]);
    t.deepEqual(weights(table), ['veth2 1']);
    t.is(table.nextDeadline, Number.POSITIVE_INFINITY);
  }
});

test('when the last serving pod terminates too, the destination is held', t => {
  const table = serving({}, pod(1), pod(2));
  table.update('ns/1', allocation(1), pod(1, true), 0);
  table.update('ns/2', allocation(2), pod(2, true), 100);
  t.is(table.target(destination).holdUntil, 5100);
  t.deepEqual(weights(table), ['veth1 1', 'veth2 1']);
});

test('without resilient groups a terminating pod leaves at once while others serve', t => {
  const table = serving({ byWeight: false }, pod(1), pod(2));
  table.update('ns/1', allocation(1), pod(1, true), 0);
  t.deepEqual(weights(table), ['veth2 1']);
});

test('destinations of the same pods share their target also while one pod drains', t => {
  const table = new DesiredTable(policy);
  for (const index of [1, 2]) {
    const both = { ...allocation(index), anycast: ['192.0.2.1', '192.0.2.2'] };
    table.update(`ns/${index}`, both, pod(index, index === 1), 0);
  }
  t.is(table.target(destination), table.target('192.0.2.2/32'));
});
