/** The durable store of allocations. One writer: this process. A change is on disk before it is in force. */
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { podKey } from '../pods/pod.ts';
import { type Allocation, type AllocationFile, type AllocationInput, parseAllocation } from './allocation.ts';
import { AllocationDisk, applyTo } from './allocation-disk.ts';
import type { Change } from './allocation-journal.ts';
import { afterOther, type Preconditions, requireMatch } from './allocation-sandbox.ts';
import type { AllocationSource } from './allocation-source.ts';

/** Allocations that this process commits and releases, kept in a file. */
export class AllocationStore implements AllocationSource {
  synced = false;
  readonly #log: Log;
  readonly #disk: AllocationDisk;
  #file: AllocationFile = { allocations: new Map(), unusable: [] };
  #tail: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();

  /** @param options.path the file; it and its folder are made at the first commit, a journal beside it when it is large */
  constructor({ path, log }: { path: string; log: Log }) {
    this.#log = log;
    this.#disk = new AllocationDisk(path, log);
  }

  /**
   * Reads the file; a missing one is an empty store.
   * @throws FlockError FLOCK_ALLOCATIONS_INVALID when it can not be read or understood: starting over would
   *   lose what it holds
   */
  async start(): Promise<void> {
    this.#file = await this.#disk.load();
    for (const { error } of this.#file.unusable)
      this.#log.warn({ code: error.code, remedy: error.remedy }, error.message);
    this.synced = true;
    this.#listeners.notify(new Set(this.#file.allocations.keys()));
  }

  /** Resolves when everything is in the file, and none of it in its journal only. */
  async stop(): Promise<void> {
    this.#listeners.clear();
    await this.#compact(() => true);
  }

  snapshot(): ReadonlyMap<string, Allocation> {
    return this.#file.allocations;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Adds or replaces a pod's allocation; resolves when it is durable and in force.
   * @throws FlockError FLOCK_ALLOCATIONS_INVALID for a malformed allocation, or an error of the file system;
   *   either leaves the store as it was
   */
  commit(input: AllocationInput): Promise<void> {
    const allocation = parseAllocation(input, `allocation of ${input.namespace}/${input.name}`);
    const key = podKey(allocation.namespace, allocation.name);
    return this.#write(allocations => [{ key, allocation: afterOther(allocations.get(key), allocation) }]);
  }

  /**
   * Removes a pod's allocation; resolves when that is durable and in force, at once when there is none.
   *
   * @param only what the allocation must be of, or it stays: names and uids are used again, and a release may come late
   * @throws FlockError FLOCK_ALLOCATION_OTHER when it is not: nothing was removed
   */
  release(namespace: string, name: string, only: Preconditions = {}): Promise<void> {
    const key = podKey(namespace, name);
    return this.#write(allocations => {
      const present = allocations.get(key);
      if (present !== undefined) requireMatch(present, only);
      return [{ key, allocation: undefined }];
    });
  }

  /**
   * Removes all stale allocations at once; resolves when that is durable and in force.
   * @returns the keys of those that were removed, `namespace/name`
   */
  async releaseWhere(isStale: (allocation: Allocation) => boolean): Promise<string[]> {
    let released: string[] = [];
    await this.#write(allocations => {
      released = [...allocations].filter(([, allocation]) => isStale(allocation)).map(([key]) => key);
      return released.map(key => ({ key, allocation: undefined }));
    });
    return released;
  }

  /** One write at a time, each on top of the one before, also when that one failed. */
  #write(decide: (allocations: ReadonlyMap<string, Allocation>) => Change[]): Promise<void> {
    const result = this.#tail.then(async () => {
      const { allocations } = this.#file;
      const changes = decide(allocations).filter(
        ({ key, allocation }) => !sameAllocation(allocations.get(key), allocation),
      );
      if (changes.length === 0) return;
      await this.#disk.save(this.#file, changes);
      applyTo(allocations, changes);
      this.#listeners.notify(new Set(changes.map(({ key }) => key)));
    });
    this.#tail = result.catch(() => undefined);
    void this.#compact(() => this.#disk.isDue);
    return result;
  }

  /** After the request that made it due was answered; the next one waits. When it fails, the journal has it all. */
  #compact(isDue: () => boolean): Promise<unknown> {
    this.#tail = this.#tail.then(async () => {
      if (!isDue()) return;
      await this.#disk.compact(this.#file).catch(({ code, message }) => {
        this.#log.warn({ code }, `can not write the allocation file; its journal grows: ${message}`);
      });
    });
    return this.#tail;
  }
}

/** Whether two allocations say the same. */
export function sameAllocation(left: Allocation | undefined, right: Allocation | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
