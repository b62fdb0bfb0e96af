import test from 'ava';
import { evaluate } from '../../bench/goals.ts';
import type { Results } from '../../bench/results.ts';
import { results, row } from './example.ts';

function goal(found: Results, name: RegExp) {
  const matching = evaluate(found).filter(each => name.test(each.goal));
  if (matching.length !== 1) throw new Error(`${matching.length} goals are called ${name}`);
  return matching[0];
}

test('what a run did not measure is neither met nor missed', t => {
  const goals = evaluate(results());
  t.true(goals.length > 20);
  for (const { goal, measured, met } of goals) t.deepEqual([measured, met], [null, null], goal);
});

test('apply is judged by our own rows of its family and size, with nobody listening', t => {
  const found = results({
    rows: [
      row({ ratioToFloor: 1.02 }),
      row({ op: 'delete', ratioToFloor: 1.04 }),
      row({ nexthops: 8, ratioToFloor: 1.12 }),
      row({ destinations: 100, ratioToFloor: 3 }),
      row({ family: 6, ratioToFloor: 0.6 }),
      row({ listens: 'a bare listener', ratioToFloor: 5 }),
      row({ peer: 'go', ratioToFloor: 40 }),
    ],
  });
  t.like(goal(found, /IPv4 .* at worst over the work table/), { measured: 1.12, met: false });
  t.like(goal(found, /^the same, median over the work table/), { measured: 1.04, met: true });
  t.like(goal(found, /IPv6 routes on two cores/), { measured: 0.6, met: true });
});

test('a quick run is judged by its largest table, and the result names the table', t => {
  const rows = [row({ destinations: 100, ratioToFloor: 9 }), row({ destinations: 1000, ratioToFloor: 1.05 })];
  const found = goal(results({ rows }), /IPv4 .* at worst/);
  t.is(found?.measured, 1.05);
  t.regex(found?.from ?? '', /1,000 destinations/);
});

test("the Go agent's path has to cost so many times ours at least, a route", t => {
  const rows = [
    row({ medianUsPerRoute: 2 }),
    row({ op: 'replace', medianUsPerRoute: 4 }),
    row({ peer: 'go', medianUsPerRoute: 40 }),
    row({ peer: 'go', op: 'replace', medianUsPerRoute: 40 }),
    row({ peer: 'go', op: 'delete', medianUsPerRoute: 1 }),
  ];
  t.like(goal(results({ rows }), /Go agent's path over ours, IPv4, 1 nexthop$/), { measured: 15, met: true });
  rows.push(row({ peer: 'groups', family: 6, nexthops: 8, medianUsPerRoute: 4 }));
  rows.push(row({ peer: 'go', family: 6, nexthops: 8, destinations: 1000, medianUsPerRoute: 240 }));
  t.like(goal(results({ rows }), /over ours, IPv6, 8 nexthops in a group$/), { measured: 60, met: true });
  for (const slow of rows) if (slow.peer === 'go') slow.medianUsPerRoute /= 2;
  t.like(goal(results({ rows }), /Go agent's path over ours, IPv4, 1 nexthop$/), {
    measured: 7.5,
    met: false,
  });
});

test('a flip is compared with the floor in the same, largest table', t => {
  const series = { stage: 'peer', samples: 100, max: 9000 } as const;
  const latency: Results['latency'] = [
    { ...series, mode: 'floor', source: 'netlink', destinations: 10_000, p50: 500, p99: 700 },
    { ...series, mode: 'floor', source: 'netlink', destinations: 10, p50: 100, p99: 100 },
    { ...series, mode: 'learn', source: 'event', destinations: 10, p50: 900, p99: 900 },
    { ...series, mode: 'learn', source: 'event', destinations: 10_000, p50: 900, p99: 4900 },
    { ...series, mode: 'learn', source: 'file', destinations: 10_000, p50: 5000, p99: 5000 },
    { ...series, mode: 'filter', source: 'event', destinations: 10_000, p50: 8000, p99: 8000 },
  ];
  t.like(goal(results({ latency }), /peer's kernel .* p50$/), { measured: 1.8, met: true });
  t.like(goal(results({ latency }), /peer's kernel .* p99$/), { measured: 7, met: false });
});
