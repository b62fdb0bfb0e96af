/** The output of a run on the terminal: the goals, and a short table of all peers. */
import { styleText } from 'node:util';
import type { Goal, Results, Row } from '../results.ts';
import { nobody } from '../workloads/routes.ts';
import { short } from './chart.ts';
import { quantity } from './tables.ts';

export function printSummary({ rows, goals, skipped, kernel, machine, seconds, quick }: Results): void {
  print(`\n${kernel}, ${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}; ${seconds} s`);
  printPeers(rows.filter(({ work, listens, op }) => work === 'routes' && listens === nobody && op === 'add'));
  const measured = goals.filter(({ met }) => met !== null);
  if (measured.length > 0)
    print(`\n${styleText('bold', 'goals')}${quick ? ', in smaller tables than those of the goals' : ''}`);
  for (const goal of measured) print(goalLine(goal));
  for (const { what, why } of skipped) print(`left out: ${what}: ${why}`);
}

function printPeers(rows: readonly Row[]): void {
  if (rows.length === 0) return;
  const kinds = [...new Set(rows.map(kindOf))];
  const columns = (words: string[]) => words.map(word => word.padStart(14)).join('');
  print(`\n${styleText('bold', 'us per route, adding')}`);
  print(`${''.padEnd(20)}${columns(kinds)}`);
  const lines = [...new Set(rows.map(({ peer, destinations }) => `${peer} ${destinations}`))].sort(
    (left, right) => sizeOf(left) - sizeOf(right),
  );
  for (const line of lines) {
    const its = rows.filter(({ peer, destinations }) => `${peer} ${destinations}` === line);
    const cells = kinds.map(kind => its.find(row => kindOf(row) === kind));
    print(`${line.padEnd(20)}${columns(cells.map(row => (row ? short(row.medianUsPerRoute) : '–')))}`);
  }
}

function sizeOf(line: string): number {
  return Number(line.split(' ')[1]);
}

function kindOf({ family, nexthops }: Row): string {
  return `IPv${family} x ${nexthops}`;
}

function goalLine({ goal, limit, least, unit, measured, met, from }: Goal): string {
  const verdict = met ? styleText('green', 'met    ') : styleText('red', 'not met');
  const asked = `${least ? '>=' : '<='} ${quantity(limit, unit)}`;
  return `${verdict} ${quantity(measured ?? 0, unit).padStart(12)}  ${asked.padStart(13)}  ${goal} (${from})`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
