/**
 * Routes under our protocols that we can never want: of another metric, or of a kind that we do not make. They are
 * withdrawn first, and removed when the withdrawal has settled, as any route.
 */

import type { RouteBatch } from '../socket/route-batch.ts';
import { packDeletion, packRetagging, type RouteView } from '../socket/route-view.ts';

export class StrayRoutes {
  readonly #hold: number;
  readonly #settleMs: number;
  #strays: RouteView[] = [];
  #settledAt = Number.POSITIVE_INFINITY;

  /**
   * @param hold our protocol number for what is no longer announced
   * @param settleMs how long a withdrawn route still forwards, in milliseconds
   */
  constructor(hold: number, settleMs: number) {
    this.#hold = hold;
    this.#settleMs = settleMs;
  }

  /** Whether the next pass has strays to withdraw or remove. */
  get busy(): boolean {
    return this.#strays.length > 0;
  }

  /** When those that were withdrawn are to be read again, in milliseconds of the clock; infinity for never. */
  get settledAt(): number {
    return this.#settledAt;
  }

  /** @param strays all that a reading of the kernel found; those of the reading before are forgotten */
  setStrays(strays: RouteView[]): void {
    this.#strays = strays;
  }

  /** Adds the requests that are due now to a batch. @returns whether the kernel has to be read again */
  sweep(batch: RouteBatch, now: number): boolean {
    const settled = now >= this.#settledAt;
    if (settled) this.#settledAt = Number.POSITIVE_INFINITY;
    for (const stray of this.#strays) {
      if (stray.protocol === this.#hold) batch.addPacked(packDeletion(stray), 1);
      else {
        batch.addPacked(packRetagging(stray, this.#hold), 1);
        this.#settledAt = now + this.#settleMs;
      }
    }
    this.#strays = [];
    return settled;
  }
}
