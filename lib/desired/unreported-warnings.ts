/** Warnings are told once per allocation, not per pass. */
import type { AllocationView, ResolveWarning } from './views.ts';

export class UntoldWarnings {
  /** Those already told, by pod. */
  readonly #told = new Map<string, { allocation: AllocationView; messages: Set<string> }>();

  /** @returns those of `warnings` that were not told before about this allocation */
  take(
    key: string,
    allocation: AllocationView | undefined,
    warnings: readonly ResolveWarning[],
  ): ResolveWarning[] {
    if (allocation === undefined) {
      this.#told.delete(key);
      return [];
    }
    let told = this.#told.get(key);
    if (told?.allocation !== allocation) {
      told = { allocation, messages: new Set() };
      if (warnings.length > 0) this.#told.set(key, told);
      else this.#told.delete(key);
    }
    const { messages } = told;
    const untold = warnings.filter(({ message }) => !messages.has(message));
    for (const { message } of untold) messages.add(message);
    return untold;
  }
}
