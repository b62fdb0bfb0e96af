/** How long a request to the API server may live: its caller may end it, and so does silence. */

/** No sign of life for too long. */
export class SilenceError extends Error {}

/** Signs of life, and no end. */
export class TooSlowError extends Error {}

/** A request's own abort signal: it follows the caller's, and ends the request when time is up. */
export class Lifetime {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #follow = () => this.#controller.abort(this.#outer.reason);
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;
  #wholeTimer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    if (outer.aborted) this.#follow();
    else outer.addEventListener('abort', this.#follow);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something must happen within so many milliseconds from now; until called again. */
  expectWithin(ms: number): void {
    if (this.#timer !== undefined && this.#timerMs === ms) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = ms;
    this.#timer = setTimeout(
      () => this.#controller.abort(new SilenceError(`the API server said nothing for ${ms} ms`)),
      ms,
    );
  }

  /** What has begun must be there in full so many milliseconds from now; undefined when nothing is owed. */
  expectWhole(ms: number | undefined): void {
    clearTimeout(this.#wholeTimer);
    if (ms === undefined) return;
    this.#wholeTimer = setTimeout(
      () => this.#controller.abort(new TooSlowError(`the API server sent for ${ms} ms and came to no end`)),
      ms,
    );
  }

  /** Why it was aborted, for Node tells only that; else the error itself. */
  reasonOr(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Ends the request if it is still under way, and lets go of the caller's signal. */
  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#wholeTimer);
    this.#outer.removeEventListener('abort', this.#follow);
    this.#controller.abort();
  }
}
