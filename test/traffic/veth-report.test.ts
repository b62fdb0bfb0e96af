import test from 'ava';
import type { VethLoss } from './veth-loss.ts';
import { vethRow } from './veth-report.ts';

function loss(siblingGapMs: number, reprogrammedMs: number | undefined, noticed = false): VethLoss {
  const part = (lost: number, longestGapMs: number) => ({ sent: 100, lost, longestGapMs });
  const sighting = { at: 0, gone: true, what: '192.0.2.53', line: '' };
  return {
    family: 'ipv4',
    all: part(3, siblingGapMs),
    own: part(2, 1),
    sibling: part(1, siblingGapMs),
    others: part(0, 0),
    reprogrammedMs,
    atRouter: noticed ? [sighting] : [],
  };
}

test('runs are summed, gaps have a median and a worst, and what never came is counted', t => {
  const row = vethRow('link-deleted', 'ipv4', [
    loss(1, 0.5),
    loss(9, 2),
    loss(2, undefined, true),
    { ...loss(50, 50), family: 'ipv6' },
  ]);
  t.is(row.name, 'veth-link-deleted');
  t.is(row.runs, 3);
  t.is(row.sent, 300);
  t.is(row.lost, 9);
  t.deepEqual(row.sibling, { lost: 3, medianGapMs: 2, longestGapMs: 9 });
  t.deepEqual(row.reprogrammedMs, [0.5, 2]);
  t.is(row.neverReprogrammed, 1);
  t.is(row.noticedByPeer, 1);
});
