/** Invented results in the format of a run. */
import type { Results, Row } from '../../bench/results.ts';

export function row(change: Partial<Row>): Row {
  return {
    work: 'routes',
    peer: 'ours',
    family: 4,
    nexthops: 1,
    destinations: 10_000,
    op: 'add',
    listens: 'nobody',
    medianUsPerRoute: 1,
    spread: [0.9, 1.1],
    rounds: 5,
    ratioToFloor: 1,
    ...change,
  };
}

export function results(change: Partial<Results> = {}): Results {
  return {
    machine: { cpu: 'An <odd> CPU', cores: 2, memoryGb: 4, node: 'v24.0.0', load: 0.5 },
    date: '2026-11-24T12:00:00.000Z',
    kernel: 'Linux 6.18',
    quick: true,
    seconds: 42,
    parts: [],
    rows: [],
    departures: [],
    latency: [],
    idle: [],
    churn: null,
    figures: [],
    goals: [],
    skipped: [],
    ...change,
  };
}
