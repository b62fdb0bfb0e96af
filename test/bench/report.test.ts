import test from 'ava';
import { evaluate } from '../../bench/goals.ts';
import { allPeers } from '../../bench/peers/all.ts';
import { renderReport } from '../../bench/report/html.ts';
import type { Churn } from '../../bench/results.ts';
import { results, row } from './example.ts';

const churn: Churn = {
  ...{ pods: 500, destinations: 10_000, flipsPerSecond: 1000, seconds: 30, flips: 30_000, coalesced: 12 },
  ...{ batches: 4321, requests: 600_000, cpuPercent: 71.5, rssMb: { start: 90, middle: 100, end: 101 } },
  lagMs: { p50: 1.5, p99: 12, max: 44 },
  samples: [1, 2].map(seconds => ({
    ...{ seconds, lagP50Ms: 1.5, lagMaxMs: 40, flips: 1000, batches: 150, requests: 20_000 },
    ...{ cpuPercent: 70, rssMb: 100 },
  })),
};

test('the report shows every series and every number, in one file', t => {
  const found = results({
    rows: [
      ...allPeers.map(({ name }, index) => row({ peer: name, medianUsPerRoute: 100.5 + index })),
      row({ work: 'flip', op: 'off', medianUsPerRoute: 77.7, ratioToFloor: null }),
      row({ listens: 'a bare listener', ratioToFloor: 1.23 }),
    ],
    departures: ['nobody', 'BIRD'].map(listens => ({
      ...{ mode: 'resilient', op: 'leave', family: 6, destinations: 100, listens, requests: 7 },
      ...{ us: 321, kernelUs: 300, cpuUs: 250, spread: [310, 333], rounds: 5 },
    })),
    latency: (['floor', 'learn', 'filter'] as const).map((mode, index) => ({
      ...{ mode, source: 'event', stage: 'peer', destinations: 10_000, samples: 200 },
      ...{ p50: 511 + index, p99: 1500, max: 2500 },
    })),
    idle: [{ process: 'agent', mode: 'learn', destinations: 10, cpuPercent: 0.25, rssMb: 66.6 }],
    churn,
    figures: [
      { name: 'RSS of the agent, pods from a folder', value: 64.2, unit: 'MB', destinations: 10_000 },
    ],
    skipped: [{ what: 'frr', why: 'it is <missing>' }],
  });
  const html = renderReport({ ...found, goals: evaluate(found) });
  for (const { name } of allPeers) t.true(html.includes(`>${name}<`), name);
  for (const label of ['floor, netlink call to', 'learn, event to', 'filter, event to'])
    t.true(html.includes(label), label);
  for (const word of [
    'median lag',
    '4,321',
    '66.6 MB',
    '64.2 MB',
    '77.7',
    '310 us – 333 us',
    '1.23',
    '511 us',
    'An &#60;odd&#62; CPU',
  ])
    t.true(html.includes(word), word);
  t.is(html.match(/<svg role="img"/g)?.length, 5);
  t.true(html.includes('<b>frr</b>: it is &#60;missing&#62;'));
  t.false(/\b(src|href)=|@import|url\((?!#)/.test(html), 'it fetches nothing');
  t.false(/undefined|NaN/.test(html));
});

test('a run of one part alone has a report too', t => {
  t.regex(renderReport(results()), /<h2>Goals<\/h2>/);
});
