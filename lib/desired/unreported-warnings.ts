/**
 * Reports each warning once while it stands, instead of at each pass. Of each pod only what stands now is kept, because
 * the author of an annotation can change it as often as he likes. No I/O.
 */
import type { AllocationView, ResolveWarning } from './views.ts';

export class UnreportedWarnings {
  /** Those that stand, by pod. */
  readonly #reported = new Map<string, { allocation: AllocationView; messages: ReadonlySet<string> }>();

  /**
   * @param warnings all that stand now; undefined while nothing is known of them, because the pod does not serve
   * @returns those of `warnings` that did not stand before for this allocation
   */
  take(
    key: string,
    allocation: AllocationView | undefined,
    warnings: readonly ResolveWarning[] | undefined,
  ): ResolveWarning[] {
    const known = this.#reported.get(key);
    const before = known?.allocation === allocation ? known?.messages : undefined;
    if (allocation === undefined || (warnings === undefined && before === undefined)) {
      this.#reported.delete(key);
      return [];
    }
    if (warnings === undefined) return [];
    if (warnings.length > 0)
      this.#reported.set(key, { allocation, messages: new Set(warnings.map(({ message }) => message)) });
    else this.#reported.delete(key);
    return before === undefined ? [...warnings] : warnings.filter(({ message }) => !before.has(message));
  }
}
