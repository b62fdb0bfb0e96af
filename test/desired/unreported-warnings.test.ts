import test from 'ava';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import { drainAnnotation } from '../../lib/desired/drain.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';
import { weightAnnotation } from '../../lib/desired/weight.ts';
import { heapInUse } from '../support/heap.ts';

const policy = { terminatingMs: 5000, longestMs: 60_000, notReadyMs: 0 };
const allocation: AllocationView = {
  ...{ uid: 'u', hostInterface: 'veth0', ipv4: '10.0.0.1', anycast: ['192.0.2.1'], addresses: [] },
  state: 'committed',
};
const pod = (weight: string, ready = true): PodView => ({
  ...{ uid: 'u', ready, terminating: false, annotations: { [weightAnnotation]: weight } },
});
const messages = (table: DesiredTable, given: PodView) =>
  table.update('ns/pod', allocation, given, 0).warnings.map(({ value }) => value);

test('a warning is reported when it begins, not while it stands, and again when it returns', t => {
  const table = new DesiredTable(policy);
  t.deepEqual(messages(table, pod('much')), ['much']);
  t.deepEqual(messages(table, pod('much')), []);
  t.deepEqual(messages(table, pod('more')), ['more']);
  t.deepEqual(messages(table, pod('much')), ['much']);
  t.deepEqual(messages(table, pod('1')), []);
  t.deepEqual(messages(table, pod('much')), ['much']);
});

test('a pod whose readiness flips does not warn again', t => {
  const table = new DesiredTable(policy);
  t.deepEqual(messages(table, pod('much')), ['much']);
  t.deepEqual(messages(table, pod('much', false)), []);
  t.deepEqual(messages(table, pod('much')), []);
});

test('annotations that change all the time leave no memory behind', t => {
  const table = new DesiredTable(policy);
  // A text that is no slice of another: V8 would keep the other.
  const change = (n: number) => {
    const text = String(n).repeat(100);
    const annotations = { [weightAnnotation]: text, [drainAnnotation]: text };
    table.update('ns/pod', allocation, { uid: 'u', ready: true, terminating: false, annotations }, 0);
  };
  for (let n = 0; n < 1000; n++) change(n);
  const before = heapInUse();
  for (let n = 0; n < 200_000; n++) change(n);
  const grown = heapInUse() - before;
  t.log(`${grown} bytes after 200,000 changes`);
  t.true(grown < 2_000_000, `${grown} bytes`);
});
