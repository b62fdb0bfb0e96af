/** What has been started, to be stopped in reverse order. */

export class Stops {
  #stops: (() => unknown)[] = [];

  /** @param stop may be asynchronous; called once */
  add(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  /**
   * Stops the last first, one after the other. One that fails keeps no other from being stopped.
   * @throws what the first of them threw, after all were called
   */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (const stop of this.#stops.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
