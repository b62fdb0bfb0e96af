/** Divides the churn into intervals of time, for its plot. */
import type { AgentSide } from '../agent-side.ts';
import type { ChurnSample } from '../results.ts';
import { percentile } from '../statistics.ts';

const stretchMs = 250;

export class Stretches {
  readonly samples: ChurnSample[] = [];
  readonly #agent: AgentSide;
  readonly #before: { batches: number; requests: number };
  #start = 0;
  #began = 0;
  #cpu = process.cpuUsage();
  #counted: { batches: number; requests: number };
  #lags: number[] = [];
  #flips = 0;

  constructor(agent: AgentSide) {
    this.#agent = agent;
    this.#before = { batches: agent.batches, requests: agent.requests };
    this.#counted = this.#before;
  }

  get batches(): number {
    return this.#agent.batches - this.#before.batches;
  }

  get requests(): number {
    return this.#agent.requests - this.#before.requests;
  }

  rssMb(): number {
    return process.memoryUsage.rss() / 2 ** 20;
  }

  begin(now: number): void {
    this.#start = now;
    this.#began = now;
    this.#cpu = process.cpuUsage();
  }

  flip(): void {
    this.#flips++;
  }

  lag(ms: number): void {
    this.#lags.push(ms);
  }

  /** Ends an interval when it is long enough, and the last one in any case. */
  cut(now: number, last = false): void {
    const elapsed = now - this.#began;
    if ((!last && elapsed < stretchMs) || this.#lags.length === 0) return;
    const { user, system } = process.cpuUsage(this.#cpu);
    const { batches, requests } = this.#agent;
    this.samples.push({
      seconds: (now - this.#start) / 1000,
      lagP50Ms: percentile(this.#lags, 50),
      lagMaxMs: percentile(this.#lags, 100),
      flips: this.#flips,
      batches: batches - this.#counted.batches,
      requests: requests - this.#counted.requests,
      cpuPercent: (user + system) / 10 / elapsed,
      rssMb: this.rssMb(),
    });
    this.#began = now;
    this.#cpu = process.cpuUsage();
    this.#counted = { batches, requests };
    this.#lags = [];
    this.#flips = 0;
  }
}
