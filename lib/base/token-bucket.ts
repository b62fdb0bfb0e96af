/** A rate limit: so many at once, then one at an interval. Time is passed in. */

export interface Rate {
  /** As many at once. */
  readonly burst: number;
  /** Then one in so many milliseconds. */
  readonly everyMs: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** @param now milliseconds of any clock that does not go back */
  left(now: number): number {
    const { burst, everyMs } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#at) / everyMs);
    this.#at = now;
    return this.#tokens;
  }

  isFull(now: number): boolean {
    return this.left(now) >= this.#rate.burst;
  }

  /** Milliseconds until there is a token. */
  waitMs(now: number): number {
    return Math.max(0, (1 - this.left(now)) * this.#rate.everyMs);
  }

  spend(): void {
    this.#tokens--;
  }
}
