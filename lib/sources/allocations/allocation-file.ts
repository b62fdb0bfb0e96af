/** Allocations from a file that another program writes: only read and watched. */
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { longestFile } from '../../base/regular-file.ts';
import { WatchedFile } from '../../base/watched-file.ts';
import { type Allocation, type AllocationFile, parseAllocationFile } from './allocation.ts';
import type { AllocationSource } from './allocation-source.ts';
import { sameAllocation } from './allocation-store.ts';

/** Keeps the last valid allocations while the file is invalid or missing. */
export class WatchedAllocations implements AllocationSource {
  readonly #file: WatchedFile<AllocationFile>;
  #allocations = new Map<string, Allocation>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();
  synced = false;

  /** @param options.path the file, in the format of our own store (`allocation.ts`) */
  constructor({ path, log }: { path: string; log: Log }) {
    this.#file = new WatchedFile({
      path,
      what: 'allocation file',
      longest: longestFile.allocations,
      invalid: 'FLOCK_ALLOCATIONS_INVALID',
      parse: text => parseAllocationFile(text, path),
      log,
    });
    this.#file.onChange(() => {
      const file = this.#file.snapshot();
      if (file === undefined) return;
      for (const { error } of file.unusable)
        log.warn({ code: error.code, remedy: error.remedy }, error.message);
      this.#take(file.allocations);
    });
  }

  /** Reads and follows the file; not in sync while it was never valid. */
  async start(): Promise<void> {
    this.#file.start();
  }

  stop(): void {
    this.#file.stop();
    this.#listeners.clear();
  }

  snapshot(): ReadonlyMap<string, Allocation> {
    return this.#allocations;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** An unchanged allocation keeps its identity, so that its warnings are not logged again. */
  #take(next: ReadonlyMap<string, Allocation>): void {
    const before = this.#allocations;
    const changed = new Set([...before.keys()].filter(key => !next.has(key)));
    this.#allocations = new Map();
    for (const [key, allocation] of next) {
      const known = before.get(key);
      const same = known !== undefined && sameAllocation(known, allocation);
      if (!same) changed.add(key);
      this.#allocations.set(key, same ? known : allocation);
    }
    this.synced = true;
    this.#listeners.notify(changed);
  }
}
