/** Whether what we believe of the kernel has to be read again. */

export class Doubt {
  /** Reasons to doubt so far, and how many of them a reading of the kernel has answered; the first is the start. */
  #raised = 1;
  #answered = 0;

  /** Whether there are reasons that no reading has answered. */
  get isOpen(): boolean {
    return this.#raised > this.#answered;
  }

  /** How many reasons there were; a reading that starts now answers as many. */
  get raised(): number {
    return this.#raised;
  }

  raise(): void {
    this.#raised++;
  }

  /** @param answered `raised` from before the reading began: it does not answer what was raised since */
  answer(answered: number): void {
    this.#answered = answered;
  }
}
