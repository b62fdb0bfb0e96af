/** A failure that is tried again and again: it is reported once, not at each attempt. */
export class RepeatedFailure {
  #reported: string | undefined;

  /**
   * @param kind what makes two failures the same, such as the message
   * @returns whether this one is to be reported: it is not the one that was reported last
   */
  isNew(kind: string): boolean {
    if (kind === this.#reported) return false;
    this.#reported = kind;
    return true;
  }

  /** An attempt succeeded: the next failure is reported whatever it is. */
  end(): void {
    this.#reported = undefined;
  }
}
