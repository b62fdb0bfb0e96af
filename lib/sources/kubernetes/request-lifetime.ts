/** The lifetime of a request to the API server: its caller ends it, or a deadline does. */

/** The server sent nothing for too long. */
export class SilenceError extends Error {}

/** The server went on sending, but did not complete its answer in time. */
export class TooSlowError extends Error {}

/** An abort signal for one request: it follows the caller's, and aborts at a deadline. */
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

  /** Aborts unless this is called again within this many milliseconds. */
  expectWithin(ms: number): void {
    if (this.#timer !== undefined && this.#timerMs === ms) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = ms;
    this.#timer = setTimeout(
      () => this.#controller.abort(new SilenceError(`the API server sent nothing for ${ms} ms`)),
      ms,
    );
  }

  /** Aborts this many milliseconds from now unless this is called again; undefined sets no deadline. */
  expectWhole(ms: number | undefined): void {
    clearTimeout(this.#wholeTimer);
    if (ms === undefined) return;
    this.#wholeTimer = setTimeout(
      () =>
        this.#controller.abort(
          new TooSlowError(`the API server did not complete its answer within ${ms} ms`),
        ),
      ms,
    );
  }

  /** Sets no deadline any more; the request goes on. */
  relax(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#wholeTimer);
    this.#timer = undefined;
  }

  /** The reason of the abort, because Node's error has none; or the error itself if it was not aborted. */
  reasonOr(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Ends the request if it has not ended, and no longer listens to the caller's signal. */
  end(): void {
    this.relax();
    this.#outer.removeEventListener('abort', this.#follow);
    this.#controller.abort();
  }
}
