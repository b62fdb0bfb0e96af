/** The numbers as tables. */
import type { Departure, Goal, Idle, LatencySeries, Results, Row } from '../results.ts';
import { colourOf, escaped, short, time } from './chart.ts';

function table(head: readonly string[], rows: readonly (readonly string[])[], kind = ''): string {
  const cells = (words: readonly string[], tag: string) =>
    words.map(word => `<${tag}>${word}</${tag}>`).join('');
  const body = rows.map(row => `<tr>${cells(row, 'td')}</tr>`).join('\n');
  return `<table class="${kind}"><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body}</tbody></table>`;
}

/** A number and its unit: `1.06 x`, `13.7 us`. */
export function quantity(value: number, unit: string): string {
  return unit === 'x' ? `${short(value)}×` : `${short(value)} ${unit}`;
}

export function goalsTable(goals: readonly Goal[]): string {
  const verdict = ({ met }: Goal) =>
    met === null
      ? '<span class="none">not measured</span>'
      : met
        ? '<span class="yes">met</span>'
        : '<span class="no">not met</span>';
  return table(
    ['what', 'goal', 'measured', '', 'from'],
    goals.map(goal => [
      escaped(goal.goal),
      `${goal.least ? 'at least ' : ''}${quantity(goal.limit, goal.unit)}`,
      goal.measured === null ? '–' : `<b>${quantity(goal.measured, goal.unit)}</b>`,
      verdict(goal),
      `<small>${escaped(goal.from)}</small>`,
    ]),
    'goals',
  );
}

export function rowsTable(rows: readonly Row[]): string {
  return table(
    [
      'peer',
      'family',
      'nexthops',
      'destinations',
      'operation',
      'listens',
      'us a route',
      'spread',
      'over floor',
    ],
    rows.map(row => [
      `<i style="background:${colourOf(row.peer)}"></i>${escaped(row.peer)}`,
      `IPv${row.family}`,
      `${row.nexthops}`,
      row.destinations.toLocaleString('en'),
      escaped(row.op),
      escaped(row.listens),
      `<b>${short(row.medianUsPerRoute)}</b>`,
      `${short(row.spread[0])} – ${short(row.spread[1])}`,
      row.ratioToFloor === null ? '–' : quantity(row.ratioToFloor, 'x'),
    ]),
    'numbers',
  );
}

export function latencyTable(latency: readonly LatencySeries[]): string {
  return table(
    ['mode', 'from', 'to', 'destinations', 'flips', 'p50', 'p99', 'max'],
    latency.map(({ mode, source, stage, destinations, samples, p50, p99, max }) => [
      ...[mode, source, stage, destinations.toLocaleString('en'), `${samples}`],
      ...[p50, p99, max].map(time),
    ]),
    'numbers',
  );
}

export function departuresTable(departures: readonly Departure[]): string {
  return table(
    [
      ...['mode', 'pod', 'family', 'shared', 'listens', 'requests', 'until the kernel has it', 'spread'],
      ...['in the call', 'outside', 'CPU'],
    ],
    departures.map(({ mode, op, family, destinations, listens, requests, us, spread, kernelUs, cpuUs }) => [
      ...[mode, `${op}s`, `IPv${family}`, destinations.toLocaleString('en'), escaped(listens)],
      ...[requests.toLocaleString('en'), `<b>${time(us)}</b>`, `${time(spread[0])} – ${time(spread[1])}`],
      ...[kernelUs, us - kernelUs, cpuUs].map(time),
    ]),
    'numbers',
  );
}

export function idleTable(idle: readonly Idle[]): string {
  return table(
    ['process', 'mode', 'destinations', 'CPU while idle', 'resident memory'],
    idle.map(({ process, mode, destinations, cpuPercent, rssMb }) => [
      ...[process, mode, destinations.toLocaleString('en')],
      ...[`${short(cpuPercent)} %`, `${short(rssMb)} MB`],
    ]),
    'numbers',
  );
}

export function figuresTable({ figures }: Results): string {
  return table(
    ['what', 'destinations', 'measured'],
    figures.map(({ name, destinations, value, unit }) => [
      escaped(name),
      destinations.toLocaleString('en'),
      `<b>${quantity(value, unit)}</b>`,
    ]),
    'numbers',
  );
}
