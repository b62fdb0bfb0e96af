import test from 'ava';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import { Holds } from '../../lib/desired/holds.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';

const policy = { terminatingMs: 5000, longestMs: 60_000, notReadyMs: 0 };
const allocation: AllocationView = {
  uid: 'u',
  hostInterface: 'veth1',
  ipv4: '10.0.0.1',
  anycast: ['192.0.2.1'],
  addresses: [],
  state: 'committed',
};
const ready: PodView = { uid: 'u', ready: true, terminating: false };
const unready: PodView = { ...ready, ready: false };
const byController: PodView = { ...unready, notOwnWord: true };
const destination = '192.0.2.1/32';

function table(over: Partial<typeof policy> = {}) {
  const events: string[] = [];
  const holds = new Holds(30_000, (key, isHeld) => events.push(`${key} ${isHeld}`));
  const subject = new DesiredTable({ ...policy, ...over }, holds);
  const update = (pod: PodView | undefined, now: number, inherited?: Set<typeof destination>) =>
    subject.update('ns/a', allocation, pod, now, inherited).touched;
  const serves = () => {
    const { nexthops, holdUntil } = subject.target(destination);
    return nexthops.length === 1 && holdUntil === undefined;
  };
  return { subject, holds, update, serves, events };
}

test('what was served is held without end while the node is not Ready, and nothing is touched', t => {
  const { subject, holds, update, serves, events } = table();
  update(ready, 0);
  t.deepEqual(update(byController, 1), []);
  t.is(subject.nextDeadline, Number.POSITIVE_INFINITY);
  t.deepEqual(update(byController, 1e9), []);
  t.true(serves());
  t.deepEqual([...holds.keys], ['ns/a']);
  t.deepEqual(update(ready, 1e9), []);
  t.is(holds.size, 0);
  t.deepEqual(events, ['ns/a true', 'ns/a false']);
});

test('a hold ends a while after the node is Ready again, and begins again only after the pod was Ready', t => {
  const { subject, holds, update, serves } = table({ notReadyMs: 1000 });
  update(ready, 0);
  update(byController, 1);
  holds.setNodeReady(true, 100_000);
  holds.setNodeReady(true, 120_000);
  t.is(subject.nextDeadline, 130_000);
  t.deepEqual(holds.due(129_999), []);
  t.deepEqual(holds.due(130_000), ['ns/a']);
  t.deepEqual(update(byController, 130_000), [destination]);
  t.is(subject.target(destination).holdUntil, 131_000, 'as for a pod that is not Ready by its own word');
  update(byController, 130_001);
  t.is(holds.size, 0);
  t.is(subject.nextDeadline, Number.POSITIVE_INFINITY);
  update(ready, 130_002);
  update(byController, 130_003);
  t.true(serves());
});

test('with a node that is Ready all the time a hold ends a while after it began', t => {
  const { subject, holds, update } = table();
  holds.setNodeReady(true, 0);
  update(ready, 0);
  update(byController, 500_000);
  t.is(subject.nextDeadline, 530_000);
});

for (const [what, pod] of Object.entries({
  'is not Ready by its own word': unready,
  'has ended': { ...byController, containersTerminated: true },
  'is another of its name': { ...byController, uid: 'other' },
  'is gone': undefined,
})) {
  test(`a held pod that ${what} leaves at once`, t => {
    const { holds, update, serves } = table();
    update(ready, 0);
    update(byController, 1);
    t.deepEqual(update(pod, 2), [destination]);
    t.false(serves());
    t.is(holds.size, 0);
  });
}

test('a pod that was never served is not held, unless its destination was announced before the start', t => {
  const { update, serves, holds } = table();
  update(byController, 0);
  t.false(serves());
  t.is(holds.size, 0);
  t.deepEqual(update(byController, 1, new Set([destination])), [destination]);
  t.true(serves());
});

test('a held pod that terminates drains as a Ready one', t => {
  const { subject, update } = table();
  update(ready, 0);
  update(byController, 1);
  update({ ...byController, terminating: true }, 1000);
  t.is(subject.target(destination).holdUntil, 6000);
});

test('0 holds nothing', t => {
  const subject = new DesiredTable(policy, new Holds(0));
  subject.update('ns/a', allocation, ready, 0);
  t.deepEqual(subject.update('ns/a', allocation, byController, 1).touched, [destination]);
});
