/** The demo's report: live, as a table at the end, and as JSON. */
import { styleText } from 'node:util';
import type { Flip } from './stage.ts';
import { type LogLine, milliseconds } from './story.ts';

export interface StepRecord {
  name: string;
  ok: boolean;
  /** Why the step failed; absent when it did not. */
  error?: string;
  /** How long the step took; absent when it was not reached. */
  ms?: number;
  [measured: string]: unknown;
}

export interface DemoRecord {
  ok: boolean;
  steps: StepRecord[];
  flips: Flip[];
}

export class Report {
  readonly steps: StepRecord[];
  readonly #log: LogLine;

  /** @param names of all steps, so that steps that were not reached are recorded too */
  constructor(names: readonly string[], log: LogLine = print) {
    this.#log = log;
    this.steps = names.map(name => ({ name, ok: false, error: 'not reached' }));
  }

  /** Reports a step while `run` performs it. @throws what `run` throws */
  async step(name: string, run: (log: LogLine) => Promise<Record<string, unknown>>): Promise<void> {
    const index = this.steps.findIndex(step => step.name === name);
    const start = performance.now();
    const ended = () => Math.round(performance.now() - start);
    this.#log(`\n${styleText('bold', `${index + 1}  ${name}`)}`);
    try {
      const measured = await run(line => this.#log(`   ${line}`));
      this.steps[index] = { name, ok: true, ms: ended(), ...measured };
    } catch (error) {
      this.steps[index] = { name, ok: false, ms: ended(), error: (error as Error).message };
      throw error;
    }
  }

  record(flips: readonly Flip[]): DemoRecord {
    return { ok: this.steps.every(({ ok }) => ok), steps: this.steps, flips: [...flips] };
  }
}

export function printTable({ steps, flips }: DemoRecord): void {
  if (steps.every(({ ms }) => ms === undefined)) return;
  print(`\n${styleText('bold', row('step', 'as expected', 'took'))}`);
  for (const { name, ok, ms } of steps) {
    const outcome = ok ? 'yes' : 'NO';
    const cells = row(name, outcome, ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`);
    print(ok ? cells : styleText('red', cells));
  }
  if (flips.length === 0) return;
  print(`\n${styleText('bold', row('from the change of the file to', "node's kernel", "router's kernel"))}`);
  for (const { what, kernelMs, routerMs } of flips)
    print(row(what, milliseconds(kernelMs), orDash(routerMs)));
  const routerTimes = flips.map(({ routerMs }) => routerMs).filter(value => value !== null);
  print(row('median', orDash(median(flips.map(({ kernelMs }) => kernelMs))), orDash(median(routerTimes))));
  print(
    'Stamped by an `ip monitor` in each namespace, each late by its own wake-up: tenths of a millisecond.',
  );
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function orDash(value: number | null): string {
  return value === null ? '–' : milliseconds(value);
}

function row(first: string, second: string, third: string): string {
  return `${first.padEnd(36)}${second.padStart(14)}${third.padStart(18)}`;
}
