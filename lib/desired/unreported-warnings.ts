/** Reports each warning once per allocation instead of once per pass. No I/O. */
import type { AllocationView, ResolveWarning } from './views.ts';

export class UnreportedWarnings {
  /** The messages already reported, by pod. */
  readonly #reported = new Map<string, { allocation: AllocationView; messages: Set<string> }>();

  /** @returns those of `warnings` that were not yet reported for this allocation */
  take(
    key: string,
    allocation: AllocationView | undefined,
    warnings: readonly ResolveWarning[],
  ): ResolveWarning[] {
    if (allocation === undefined) {
      this.#reported.delete(key);
      return [];
    }
    let reported = this.#reported.get(key);
    if (reported?.allocation !== allocation) {
      reported = { allocation, messages: new Set() };
      if (warnings.length > 0) this.#reported.set(key, reported);
      else this.#reported.delete(key);
    }
    const { messages } = reported;
    const unreported = warnings.filter(({ message }) => !messages.has(message));
    for (const { message } of unreported) messages.add(message);
    return unreported;
  }
}
