/** A source of allocations in memory, without a file. */

import { Listeners } from '../lib/base/listeners.ts';
import type { Source } from '../lib/base/source.ts';
import type { AllocationView } from '../lib/desired/views.ts';
import { allocationOf, type BenchPod, keyOf } from './population.ts';

export class MemorySource implements Source<AllocationView> {
  readonly synced = true;
  #values = new Map<string, AllocationView>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();

  snapshot(): ReadonlyMap<string, AllocationView> {
    return this.#values;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Replaces all allocations, with one notification. */
  replace(pods: readonly BenchPod[]): void {
    const before = this.#values.keys();
    this.#values = new Map(pods.map(pod => [keyOf(pod), allocationOf(pod)]));
    this.#listeners.notify(new Set([...before, ...this.#values.keys()]));
  }
}
