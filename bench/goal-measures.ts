/** Finds each goal's number in the results. A quick run has smaller tables: the result names the table used. Pure. */
import type { Results, Row } from './results.ts';
import { median } from './statistics.ts';
import { nobody } from './workloads/routes.ts';

export type Measured = { value: number; from: string } | null;
type Fold = (values: readonly number[]) => number;
/** Which of the rows count: equal fields, or a predicate. */
type Which = Partial<Row> | ((row: Row, all: readonly Row[]) => boolean);

/** Of tables of several sizes, the largest. */
export function largest({ destinations }: Row, all: readonly Row[]): boolean {
  return destinations === Math.max(...all.map(row => row.destinations));
}

export function oursOverFloor(results: Results, work: string, fold: Fold, which: Which = {}): Measured {
  const rows = oursOf(results, work, which).filter(({ ratioToFloor }) => ratioToFloor !== null);
  if (rows.length === 0) return null;
  const ratios = rows.map(row => row.ratioToFloor as number);
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return { value: fold(ratios), from: `${count(rows)}, ${sizes(rows)}, ${range}` };
}

export function oursUs(results: Results, work: string, fold: Fold, which: Which = {}): Measured {
  const rows = oursOf(results, work, which);
  if (rows.length === 0) return null;
  return {
    value: fold(rows.map(row => row.medianUsPerRoute)),
    from: `${count(rows)}, ${sizes(rows)}`,
  };
}

/** In the Go path's largest table: adding and replacing, what an agent does; a route. */
export function goOver(results: Results, family: 4 | 6, nexthops: number, us = 'ours'): Measured {
  const rows = results.rows.filter(
    row =>
      row.work === 'routes' && row.listens === nobody && row.family === family && row.nexthops === nexthops,
  );
  const byGo = rows.filter(({ peer }) => peer === 'go');
  const go = byGo.filter(row => largest(row, byGo));
  const ratios: number[] = [];
  for (const { op, destinations, medianUsPerRoute } of go) {
    // Measured in the same rounds; ours may have a larger table than the Go path.
    const [ours] = rows
      .filter(row => row.peer === us && row.op === op && row.destinations >= destinations)
      .sort((left, right) => left.destinations - right.destinations);
    if (ours !== undefined && (op === 'add' || op === 'replace'))
      ratios.push(medianUsPerRoute / ours.medianUsPerRoute);
  }
  if (ratios.length === 0) return null;
  return { value: median(ratios), from: `add and replace, ${sizes(go)}` };
}

/** Our flip and the floor's in the same, largest table, to the peer's kernel. */
export function latencyOverFloor({ latency }: Results, at: 'p50' | 'p99'): Measured {
  const atPeer = latency.filter(({ stage }) => stage === 'peer');
  const ours = atPeer
    .filter(({ mode, source }) => mode === 'learn' && source === 'event')
    .sort((left, right) => right.destinations - left.destinations)[0];
  const floor = atPeer.find(
    ({ mode, destinations }) => mode === 'floor' && destinations === ours?.destinations,
  );
  if (ours === undefined || floor === undefined) return null;
  const from = `${Math.round(ours[at])} over ${Math.round(floor[at])} us, ${ours.destinations} destinations, ${ours.samples} flips`;
  return { value: ours[at] / floor[at], from };
}

export function figure({ figures }: Results, name: RegExp): Measured {
  const found = figures.filter(each => name.test(each.name));
  if (found.length === 0) return null;
  return { value: Math.max(...found.map(({ value }) => value)), from: sizes(found) };
}

function oursOf(results: Results, work: string, which: Which): Row[] {
  const all = results.rows.filter(row => row.work === work && row.peer === 'ours' && row.listens === nobody);
  if (typeof which === 'function') return all.filter(row => which(row, all));
  const { destinations, ...fields } = which;
  const same = all.filter(row =>
    Object.entries(fields).every(([key, value]) => row[key as keyof Row] === value),
  );
  // A quick run has no table of that size: its largest is used.
  const exact = same.filter(row => row.destinations === destinations);
  return destinations === undefined
    ? same
    : exact.length > 0
      ? exact
      : same.filter(row => largest(row, same));
}

const count = (rows: readonly Row[]) => (rows.length === 1 ? '1 row' : `${rows.length} rows`);

function sizes(all: readonly { destinations: number }[]): string {
  const numbers = [...new Set(all.map(({ destinations }) => destinations))];
  const words = numbers.map(number => number.toLocaleString('en')).join(' and ');
  return `${words} destination${words === '1' ? '' : 's'}`;
}
