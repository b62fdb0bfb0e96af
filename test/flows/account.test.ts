import test from 'ava';
import { costsOf, type Phase } from './account.ts';
import type { FlowEvent } from './clients.ts';
import { samplesOf } from './samples.ts';

const phases: Phase[] = [
  { name: 'calm', pod: undefined, from: 1000, to: 2000 },
  { name: 'drain', pod: 'a', from: 2000, to: 3000 },
];

function event(at: number, what: FlowEvent['what'], server: string | undefined, over = {}): FlowEvent {
  return { at, what, server, family: 'ipv4', kind: 'busy', connection: 0, why: undefined, ...over };
}

const opened = [event(100, 'opened', 'a'), event(200, 'opened', 'b'), event(300, 'opened', 'b')];

function drainCost(...events: FlowEvent[]) {
  return costsOf(phases, [...opened, ...events]).find(
    ({ name, family }) => name === 'drain' && family === 'ipv4',
  );
}

test("what breaks is the leaving pod's own, or another's, of the phase in which it does", t => {
  const cost = drainCost(event(1500, 'broken', 'b'), event(2500, 'broken', 'a'), event(2600, 'broken', 'b'));
  t.deepEqual(cost?.had, { busy: 1, idle: 0 });
  t.deepEqual(cost?.own, { busy: 1, idle: 0 });
  t.deepEqual(cost?.others, { busy: 1, idle: 0 });
});

test('idle connections, and those of the other family, are counted apart', t => {
  const cost = drainCost(
    event(2500, 'broken', 'a', { kind: 'idle' }),
    event(2500, 'broken', 'a', { family: 'ipv6' }),
  );
  t.deepEqual(cost?.own, { busy: 0, idle: 1 });
});

test('a connection that broke before a pod answered, or was never established, belongs to no pod', t => {
  const cost = drainCost(event(2500, 'broken', undefined), event(2500, 'failed', undefined));
  t.deepEqual([cost?.own.busy, cost?.others.busy, cost?.unanswered, cost?.failed], [0, 0, 1, 1]);
});

test('shares are those of new connections, and what is held that of busy ones at the end', t => {
  const arrivals = ['a', 'b', 'b', 'b'].map((server, index) =>
    event(2100 + index, 'opened', server, { kind: 'new' }),
  );
  const cost = drainCost(...arrivals, event(2500, 'broken', 'b'), event(2510, 'opened', 'a'));
  t.deepEqual(cost?.opened, { a: 0.25, b: 0.75 });
  t.deepEqual(cost?.held, { a: 2, b: 1 });
});

test('a sample has the connections of each pod, and those that broke since the sample before', t => {
  const samples = samplesOf(phases, [
    ...opened,
    event(2100, 'broken', 'a'),
    event(2110, 'opened', 'b'),
    event(2120, 'broken', 'b'),
  ]);
  t.is(samples.length, 9);
  t.deepEqual(samples[4], { seconds: 1, held: { a: 1, b: 2 }, own: 0, others: 0 });
  t.deepEqual(samples[5], { seconds: 1.25, held: { a: 0, b: 2 }, own: 1, others: 1 });
});
