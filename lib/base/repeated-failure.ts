/** A failure that is tried again and again: it is reported when it begins and while it stands, not at each attempt. */
export class RepeatedFailure {
  readonly #againMs: number;
  readonly #now: () => number;
  #reported: { kind: string; at: number } | undefined;

  /**
   * @param againMs milliseconds after which the same failure is reported again; default: never
   * @param now a monotonic clock, in milliseconds
   */
  constructor(againMs = Number.POSITIVE_INFINITY, now: () => number = () => performance.now()) {
    this.#againMs = againMs;
    this.#now = now;
  }

  /**
   * @param kind what makes two failures the same, such as the message
   * @returns whether this one is to be reported: it is not the one that was reported last, or that was long ago
   */
  isNew(kind: string): boolean {
    const at = this.#now();
    const last = this.#reported;
    if (last !== undefined && kind === last.kind && at - last.at < this.#againMs) return false;
    this.#reported = { kind, at };
    return true;
  }

  /** An attempt succeeded: the next failure is reported whatever it is. */
  end(): void {
    this.#reported = undefined;
  }
}
