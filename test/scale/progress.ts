/** Prints the present step, its progress and its duration to standard error; standard output has the results alone. */

export class Progress {
  readonly #signal: AbortSignal;
  readonly #began = performance.now();
  #said = this.#began;

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Reports `work` while it lasts, once a second at most, and when it has ended. */
  static async of<T>(
    what: string,
    signal: AbortSignal,
    work: (progress: Progress) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const progress = new Progress(signal);
    say(`${what} …`);
    const result = await work(progress);
    say(`  ${progress.#seconds()} s`);
    return result;
  }

  /**
   * @param done how much of `all` there is
   * @throws the signal's reason when it is aborted: who reports need not look
   */
  at(done: number, all: number): void {
    this.#signal.throwIfAborted();
    const now = performance.now();
    if (now - this.#said < 1000 || done === all) return;
    this.#said = now;
    say(`  ${done.toLocaleString('en')} of ${all.toLocaleString('en')} after ${this.#seconds()} s`);
  }

  #seconds(): string {
    return ((performance.now() - this.#began) / 1000).toFixed(1);
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
