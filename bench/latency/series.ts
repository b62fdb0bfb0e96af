/** The times of many flips, by stage. */
import type { LatencySeries } from '../results.ts';
import { percentile } from '../statistics.ts';

type Named = Pick<LatencySeries, 'mode' | 'source' | 'destinations'>;

export class Flips {
  readonly #named: Named;
  readonly #times = new Map<LatencySeries['stage'], number[]>();

  constructor(named: Named) {
    this.#named = named;
  }

  /** @param began and `at` in nanoseconds of one clock */
  add(stage: LatencySeries['stage'], began: bigint, at: bigint): void {
    const times = this.#times.get(stage) ?? [];
    times.push(Number(at - began) / 1000);
    this.#times.set(stage, times);
  }

  series(): LatencySeries[] {
    return [...this.#times].map(([stage, times]) => ({
      ...this.#named,
      stage,
      samples: times.length,
      p50: percentile(times, 50),
      p99: percentile(times, 99),
      max: percentile(times, 100),
    }));
  }
}
