/** The lag between a flip and the kernel's route, computed from patches and route events. */
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

test('the lag is the time from the answer to the first route event with the same readiness', t => {
  const flips = [flip(false, 100, 105), flip(true, 200, 210)];
  const seen = [sighting(112, 71), sighting(160, 71, { gone: true }), sighting(208, 70), sighting(230, 70)];
  const { sinceAnswer, sincePatch, overtaken } = lagsOf(flips, seen, 70);
  t.deepEqual(sinceAnswer, { p50: 7, p99: 7, max: 7 });
  t.deepEqual(sincePatch, { p50: 12, p99: 12, max: 12 });
  t.is(overtaken, 0);
});

test('a flip has a lag also when the next one was sent earlier, as with late answers', t => {
  const flips = [flip(false, 100, 190), flip(true, 191, 300)];
  t.is(lagsOf(flips, [sighting(195, 71), sighting(302, 70)], 70).overtaken, 0);
});

test('a flip without a route event before the next one is overtaken, independent of other addresses', t => {
  const flips = [flip(false, 100, 105), flip(true, 200, 210), flip(false, 300, 305)];
  const seen = [sighting(120, 71, { address: '10.200.0.2' }), sighting(90, 71), sighting(310, 71)];
  const { seen: followed, overtaken } = lagsOf(flips, seen, 70);
  t.is(followed, 1);
  t.is(overtaken, 2);
});
