/** Functions that are called when something changed. */

/** `Arguments` is what a listener is called with, such as `[keys: ReadonlySet<string>]`. */
export class Listeners<Arguments extends readonly unknown[] = []> {
  /** An object for each subscription: a function that subscribes twice is called twice. */
  readonly #subscriptions = new Set<{ readonly listener: (...args: Arguments) => void }>();

  /** @returns a function that unsubscribes the listener; calling it again does nothing */
  add(listener: (...args: Arguments) => void): () => void {
    const subscription = { listener };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  /** Unsubscribes all. */
  clear(): void {
    this.#subscriptions.clear();
  }

  /**
   * Calls each listener once, in the order of subscription. One that is unsubscribed before its turn is not called,
   * one that subscribes meanwhile is called from the next change on.
   *
   * @throws what a listener threw, after all of them were called: one that fails does not hide a change from the
   *   others, and is not hidden itself. Several errors are an AggregateError
   */
  notify(...args: Arguments): void {
    const errors: unknown[] = [];
    for (const subscription of [...this.#subscriptions]) {
      if (!this.#subscriptions.has(subscription)) continue;
      try {
        subscription.listener(...args);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} listeners failed`);
  }
}
