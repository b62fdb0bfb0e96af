/**
 * Long work in slices: between two of them whoever else has something to say is heard, above all the kernel that
 * tells of a lost interface.
 */

/** So long a slice may take, in milliseconds. */
const sliceMs = 3;
/** After so many steps the clock is looked at: each takes some microseconds at most. */
const stepsALook = 64;

export class Pace {
  readonly #now: () => number;
  readonly #breathe: () => Promise<void>;
  #began = Number.NEGATIVE_INFINITY;
  #steps = 0;

  /**
   * @param now the clock, in milliseconds
   * @param breathe resolves when others have been heard
   */
  constructor(now: () => number, breathe = () => new Promise<void>(resolve => setImmediate(resolve))) {
    this.#now = now;
    this.#breathe = breathe;
  }

  /**
   * Counts work done. What takes less than a look at the clock is worth never rests.
   * @returns whether it is time to `rest`
   */
  isSpent(steps = 1): boolean {
    this.#steps += steps;
    if (this.#steps < stepsALook) return false;
    this.#steps = 0;
    return this.#now() - this.#began >= sliceMs;
  }

  /** Lets others go first. */
  async rest(): Promise<void> {
    await this.#breathe();
    this.#began = this.#now();
  }
}
