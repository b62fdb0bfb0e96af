/**
 * Divides long work into slices. Between two slices the event loop handles what else has arrived, above all the
 * kernel's notification of a lost interface.
 */

/** How long a slice may take, in milliseconds. */
const sliceMs = 3;
/** After this many steps the clock is read: each step takes some microseconds at most. */
const stepsPerReading = 64;

export class TimeSlice {
  readonly #now: () => number;
  readonly #waitTurn: () => Promise<void>;
  #began = Number.NEGATIVE_INFINITY;
  #steps = 0;

  /**
   * @param now the clock, in milliseconds
   * @param waitTurn resolves when other work has had its turn
   */
  constructor(now: () => number, waitTurn = () => new Promise<void>(resolve => setImmediate(resolve))) {
    this.#now = now;
    this.#waitTurn = waitTurn;
  }

  /**
   * Counts work done. Work of fewer steps than are worth a reading of the clock never yields.
   * @returns whether it is time to `yield`
   */
  isOver(steps = 1): boolean {
    this.#steps += steps;
    if (this.#steps < stepsPerReading) return false;
    this.#steps = 0;
    return this.#now() - this.#began >= sliceMs;
  }

  /** Lets other work run, and begins the next slice. */
  async yield(): Promise<void> {
    await this.#waitTurn();
    this.#began = this.#now();
  }
}
