import test from 'ava';
import { median, percentile, ratios, summary } from '../../bench/statistics.ts';
import { Samples } from '../../bench/workloads/samples.ts';

test('a percentile is a value that was measured, and the highest one for 100', t => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  t.is(percentile(values, 50), 100);
  t.is(percentile(values, 99), 198);
  t.is(percentile(values, 100), 200);
  t.is(percentile([7], 99), 7);
});

test('a summary has the median, the least, the most and the number of values, and does not change its input', t => {
  const values = [5, 1, 9, 3];
  t.deepEqual(summary(values), { median: 4, low: 1, high: 9, samples: 4 });
  t.deepEqual(values, [5, 1, 9, 3]);
  t.throws(() => median([]), { instanceOf: RangeError });
});

test('ratios are taken within each round, so that a round that is slow for both changes no ratio', t => {
  t.deepEqual(ratios([2, 20, 4], [1, 10, 2]), [2, 2, 2]);
});

test('a peer with fewer destinations is compared per route', t => {
  const samples = new Samples();
  for (const round of [1, 3, 2]) {
    samples.add('floor', 'add', 1000 * round);
    samples.add('slow', 'add', 500 * round, 10);
    samples.add('slow', 'other', 500, 10);
  }
  const rows = samples.rows({
    ...{ work: 'routes', family: 4, nexthops: 1, destinations: 1000, listens: 'nobody' },
  });
  t.like(rows, [
    {
      peer: 'floor',
      op: 'add',
      destinations: 1000,
      medianUsPerRoute: 2,
      spread: [1, 3],
      rounds: 3,
      ratioToFloor: 1,
    },
    { peer: 'slow', op: 'add', destinations: 10, medianUsPerRoute: 100, spread: [50, 150], ratioToFloor: 50 },
    { peer: 'slow', op: 'other', destinations: 10, medianUsPerRoute: 50, ratioToFloor: null },
  ]);
});
