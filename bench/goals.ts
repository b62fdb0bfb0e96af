/** The table of goals: each limit, and what this run measured. Pure. */
import {
  figure,
  goOver,
  largest,
  latencyOverFloor,
  type Measured,
  oursOverFloor,
  oursUs,
} from './goal-measures.ts';
import type { Goal, Results } from './results.ts';
import { median } from './statistics.ts';

interface Aim {
  goal: string;
  limit: number;
  unit: string;
  /** The measured value must be at least the limit, not at most. */
  least?: boolean;
  measure(results: Results): Measured;
}

const worst = (values: readonly number[]) => Math.max(...values);

const aims: Aim[] = [
  {
    goal: 'apply of 10,000 IPv4 routes from JavaScript over the floor, at worst over the work table',
    limit: 1.1,
    unit: 'x',
    measure: results => oursOverFloor(results, 'routes', worst, { family: 4, destinations: 10_000 }),
  },
  {
    goal: 'the same, median over the work table',
    limit: 1.05,
    unit: 'x',
    measure: results => oursOverFloor(results, 'routes', median, { family: 4, destinations: 10_000 }),
  },
  {
    goal: 'apply of 10,000 IPv6 routes on two cores over the floor, median over the work table',
    limit: 0.65,
    unit: 'x',
    measure: results => oursOverFloor(results, 'routes', median, { family: 6, destinations: 10_000 }),
  },
  {
    goal: 'both families in one apply over the sum of the two floors, median over the work table',
    limit: 0.8,
    unit: 'x',
    measure: results => oursOverFloor(results, 'both-families', median),
  },
  {
    goal: 'one route with one nexthop from JavaScript, the slowest operation',
    limit: 25,
    unit: 'us',
    measure: results => oursUs(results, 'one-route', worst, { nexthops: 1 }),
  },
  ...(
    [
      [4, 1, 13, 'ours'],
      [4, 8, 22, 'ours'],
      [6, 1, 20, 'ours'],
      [6, 8, 14, 'ours'],
      [6, 8, 50, 'groups'],
    ] as const
  ).map(
    ([family, nexthops, limit, us]): Aim => ({
      goal: `the Go agent's path over ours, IPv${family}, ${nexthops} nexthop${nexthops === 1 ? '' : 's'}${us === 'groups' ? ' in a group' : ''}`,
      limit,
      unit: 'x',
      least: true,
      measure: results => goOver(results, family, nexthops, us),
    }),
  ),
  {
    goal: 'full reconcile of 10,000 changed destinations over the floor, IPv4, 1 nexthop',
    limit: 1.8,
    unit: 'x',
    measure: results => oursOverFloor(results, 'reconcile', worst, { family: 4, nexthops: 1 }),
  },
  {
    goal: 'the same, all others at worst',
    limit: 1.35,
    unit: 'x',
    measure: results =>
      oursOverFloor(results, 'reconcile', worst, row => row.family !== 4 || row.nexthops !== 1),
  },
  {
    goal: "one pod's flip with 10,000 destinations in the table: our time outside the kernel",
    limit: 200,
    unit: 'us',
    measure: results => oursUs(results, 'flip', worst, smallest),
  },
  {
    goal: 'the same with 100,000',
    limit: 200,
    unit: 'us',
    measure: results => oursUs(results, 'flip', worst, largest),
  },
  {
    goal: 'a pass with nothing to do at 10,000 destinations',
    limit: 50,
    unit: 'us',
    measure: results => oursUs(results, 'idle-pass', median),
  },
  {
    goal: 'growth of the heap over 1,000,000 passes with nothing to do',
    limit: 256,
    unit: 'KiB',
    measure: results => figure(results, /^heap growth/),
  },
  {
    goal: 'audit of 65,536 routes over the raw dump loop, at worst of the families',
    limit: 1.3,
    unit: 'x',
    measure: results => oursOverFloor(results, 'audit', worst),
  },
  {
    goal: 'heap taken by an audit, a route: no object each',
    limit: 16,
    unit: 'bytes',
    measure: results => figure(results, /^heap taken by an audit/),
  },
  ...(
    [
      ['p50', 2],
      ['p99', 6],
    ] as const
  ).map(
    ([at, limit]): Aim => ({
      goal: `flip to the BGP peer's kernel over the floor, learn mode, 10,000 destinations, ${at}`,
      limit,
      unit: 'x',
      measure: results => latencyOverFloor(results, at),
    }),
  ),
  {
    goal: 'event loop held up by 100,000 destinations changing at once',
    limit: 10,
    unit: 'ms',
    measure: results => figure(results, /^event loop/),
  },
  {
    goal: 'resident memory at 10,000 destinations without Kubernetes',
    limit: 70,
    unit: 'MB',
    measure: results => figure(results, /^RSS .* folder$/),
  },
  {
    goal: 'the same with Kubernetes',
    limit: 110,
    unit: 'MB',
    measure: results => figure(results, /^RSS .* API server$/),
  },
  {
    goal: 'resident memory at the end of the churn over that at its middle',
    limit: 1.05,
    unit: 'x',
    measure: ({ churn }) =>
      churn && { value: churn.rssMb.end / churn.rssMb.middle, from: `${churn.flips} flips` },
  },
];

/** The rows of the smaller table, where there are two sizes. */
function smallest(
  { destinations }: { destinations: number },
  all: readonly { destinations: number }[],
): boolean {
  return destinations === Math.min(...all.map(row => row.destinations));
}

export function evaluate(results: Results): Goal[] {
  return aims.map(({ measure, ...aim }) => {
    const found = measure(results);
    if (found === null) return { ...aim, measured: null, met: null, from: 'not measured in this run' };
    const { value, from } = found;
    const met = aim.least ? value >= aim.limit : value <= aim.limit;
    return { ...aim, measured: value, met, from };
  });
}
