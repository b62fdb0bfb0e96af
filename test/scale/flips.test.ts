/** When the kernel followed a flip, from what was sent and what was seen. */
import test from 'ava';
import { type Flip, lagsOf } from './flips.ts';

const flip = (ready: boolean, sentAt: number, answeredAt: number): Flip => ({
  address: '10.200.0.1',
  ready,
  sentAt,
  answeredAt,
});
const sighting = (at: number, protocol: number, { gone = false, address = '10.200.0.1' } = {}) => ({
  at,
  address,
  protocol,
  gone,
  nexthops: 1,
});

test('the lag runs from the answer to the first route event that says the same', t => {
  const flips = [flip(false, 100, 105), flip(true, 200, 210)];
  const seen = [sighting(112, 71), sighting(160, 71, { gone: true }), sighting(208, 70), sighting(230, 70)];
  const { sinceAnswer, sincePatch, overtaken } = lagsOf(flips, seen, 70);
  t.deepEqual(sinceAnswer, { p50: 7, p99: 7, max: 7 });
  t.deepEqual(sincePatch, { p50: 12, p99: 12, max: 12 });
  t.is(overtaken, 0);
});

test('a flip is followed also where the next was sent before, as when answers are late', t => {
  const flips = [flip(false, 100, 190), flip(true, 191, 300)];
  t.is(lagsOf(flips, [sighting(195, 71), sighting(302, 70)], 70).overtaken, 0);
});

test('a flip that the next one found not yet followed is overtaken, and other addresses say nothing of it', t => {
  const flips = [flip(false, 100, 105), flip(true, 200, 210), flip(false, 300, 305)];
  const seen = [sighting(120, 71, { address: '10.200.0.2' }), sighting(90, 71), sighting(310, 71)];
  const { seen: followed, overtaken } = lagsOf(flips, seen, 70);
  t.is(followed, 1);
  t.is(overtaken, 2);
});
