/** Allocations that nobody has to write to a file first. */

import type { Source } from '../lib/agent/reconciler.ts';
import type { AllocationView } from '../lib/desired/views.ts';
import { allocationOf, type BenchPod, keyOf } from './population.ts';

export class MemorySource implements Source<AllocationView> {
  readonly synced = true;
  #values = new Map<string, AllocationView>();
  readonly #listeners = new Set<(keys: ReadonlySet<string>) => void>();

  snapshot(): ReadonlyMap<string, AllocationView> {
    return this.#values;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** These and no others, told in one go. */
  replace(pods: readonly BenchPod[]): void {
    const before = this.#values.keys();
    this.#values = new Map(pods.map(pod => [keyOf(pod), allocationOf(pod)]));
    const changed = new Set([...before, ...this.#values.keys()]);
    for (const listener of this.#listeners) listener(changed);
  }
}
