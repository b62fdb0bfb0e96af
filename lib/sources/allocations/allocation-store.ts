/** The durable store of allocations. One writer: this process. A change is on disk before it is in force. */

import { readFile } from 'node:fs/promises';
import { writeDurably } from '../../base/durable-file.ts';
import { FlockError } from '../../base/errors.ts';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { podKey } from '../pods/pod.ts';
import {
  type Allocation,
  type AllocationFile,
  type AllocationInput,
  formatAllocationFile,
  parseAllocation,
  parseAllocationFile,
} from './allocation.ts';
import { afterOther, type Preconditions, requireMatch } from './allocation-sandbox.ts';
import type { AllocationSource } from './allocation-source.ts';

/** Allocations that this process commits and releases, kept in a file. */
export class AllocationStore implements AllocationSource {
  synced = false;
  readonly #path: string;
  readonly #log: Log;
  #file: AllocationFile = { allocations: new Map(), unusable: [] };
  #tail: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();

  /** @param options.path the file; it and its folder are made at the first commit */
  constructor({ path, log }: { path: string; log: Log }) {
    this.#path = path;
    this.#log = log;
  }

  /**
   * Reads the file; a missing one is an empty store.
   * @throws FlockError FLOCK_ALLOCATIONS_INVALID when it can not be read or understood: starting over would
   *   lose what it holds
   */
  async start(): Promise<void> {
    const text = await this.#read();
    if (text !== undefined) this.#file = parseAllocationFile(text, this.#path);
    for (const { error } of this.#file.unusable)
      this.#log.warn({ code: error.code, remedy: error.remedy }, error.message);
    this.synced = true;
    this.#listeners.notify(new Set(this.#file.allocations.keys()));
  }

  stop(): void {
    this.#listeners.clear();
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
    return this.#write(key, allocations => {
      allocations.set(key, afterOther(allocations.get(key), allocation));
    });
  }

  /**
   * Removes a pod's allocation; resolves when that is durable and in force, at once when there is none.
   *
   * @param only what the allocation must be of, or it stays: names and uids are used again, and a release may come late
   * @throws FlockError FLOCK_ALLOCATION_OTHER when it is not: nothing was removed
   */
  release(namespace: string, name: string, only: Preconditions = {}): Promise<void> {
    const key = podKey(namespace, name);
    return this.#write(key, allocations => {
      const present = allocations.get(key);
      if (present === undefined) return;
      requireMatch(present, only);
      allocations.delete(key);
    });
  }

  /** One write at a time, each on top of the one before, also when that one failed. */
  #write(key: string, change: (allocations: Map<string, Allocation>) => unknown): Promise<void> {
    const result = this.#tail.then(async () => {
      const allocations = new Map(this.#file.allocations);
      change(allocations);
      if (sameAllocation(allocations.get(key), this.#file.allocations.get(key))) return;
      const next = { allocations, unusable: this.#file.unusable };
      await writeDurably(this.#path, formatAllocationFile(next));
      this.#file = next;
      this.#listeners.notify(new Set([key]));
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new FlockError(
        'FLOCK_ALLOCATIONS_INVALID',
        `can not read ${this.#path}: ${(cause as Error).message}`,
        {
          value: this.#path,
          remedy: 'give the agent read and write access, or another path in allocations.path',
          cause,
        },
      );
    }
  }
}

/** Whether two allocations say the same. */
export function sameAllocation(left: Allocation | undefined, right: Allocation | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
