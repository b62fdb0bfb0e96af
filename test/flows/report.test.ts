import test from 'ava';
import type { PhaseCost } from './account.ts';
import { chart } from './chart.ts';
import type { ModeResult, Proof } from './prove.ts';
import { failuresOf, markdown } from './report.ts';

function mode(nexthops: ModeResult['nexthops'], over: Partial<PhaseCost> = {}): ModeResult {
  const cost: PhaseCost = {
    name: 'drain',
    family: 'ipv4',
    pod: 'web-1a',
    seconds: 6,
    had: { busy: 250, idle: 50 },
    own: { busy: 0, idle: 40 },
    others: { busy: 0, idle: 0 },
    unanswered: 0,
    failed: 0,
    opened: { 'web-1a': 0.05, 'web-1b': 0.95 },
    held: { 'web-1a': 250, 'web-1b': 750 },
    ...over,
  };
  const samples = [
    { seconds: 0, held: { 'web-1a': 250, 'web-1b': 750 }, own: 0, others: 0 },
    { seconds: 0.25, held: { 'web-1a': 249, 'web-1b': 749 }, own: 1, others: 1 },
  ];
  return { nexthops, costs: [cost], samples, begins: [{ name: 'drain', pod: 'web-1a', seconds: 0 }] };
}

function proof(...modes: ModeResult[]): Proof {
  const connections = { busy: 1000, idle: 200, new: 40 };
  return { date: '', kernel: '', connections, buckets: 4096, idleSeconds: 3, drainSeconds: 6, modes };
}

test('idle connections may move, and those in use may not', t => {
  t.deepEqual(failuresOf(proof(mode('resilient'))), []);
  t.regex(failuresOf(proof(mode('resilient', { others: { busy: 1, idle: 0 } }))).join(), /of others broke/);
  t.regex(failuresOf(proof(mode('resilient', { own: { busy: 1, idle: 0 } }))).join(), /of its own/);
});

test("a pod's own connections may break once its drain is over", t => {
  t.deepEqual(failuresOf(proof(mode('resilient', { name: 'removal', own: { busy: 250, idle: 0 } }))), []);
});

test('multipath and groups promise only that each connection can be opened', t => {
  t.deepEqual(failuresOf(proof(mode('multipath', { others: { busy: 200, idle: 0 } }))), []);
  t.regex(failuresOf(proof(mode('groups', { failed: 1 }))).join(), /never stood/);
});

test('the table and the plot have a part for each mode', t => {
  const of = proof(mode('multipath'), mode('resilient'));
  t.true(
    markdown(of).includes(
      '| a pod drains | resilient | ipv4 | 0 of 750 | 0 of 150 | 0 of 250 | 40 of 50 | 5.0 % |',
    ),
  );
  const svg = chart(of);
  t.regex(svg, /^<svg /);
  for (const words of ['multipath', 'resilient', 'web-1a drains']) t.true(svg.includes(words), words);
});
