/**
 * The allocation file of our own store, and its journal beside it (`allocations.json.journal`). A small file is written
 * as a whole at each change, so that a person finds everything in it; with a larger one a change is a line of the
 * journal, and the file is written again when the journal has grown as large.
 */

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { writeDurably } from '../../base/durable-file.ts';
import { FlockError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { longestFile, readTextFile } from '../../base/regular-file.ts';
import { type AllocationFile, allocationFileParts, parseAllocationFile } from './allocation.ts';
import { AllocationJournal, type Change } from './allocation-journal.ts';

/** Up to this size the file is written as a whole: some 150 allocations, which takes no longer than the journal. */
const smallBytes = 64 * 1024;

export class AllocationDisk {
  readonly #path: string;
  readonly #log: Log;
  readonly #journal: AllocationJournal;
  #bytes = 0;
  /** Of the file's content. */
  #digest = '';
  /** Of the file as it was read or written; another one is of somebody else. */
  #signature = '';

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#journal = new AllocationJournal(`${path}.journal`);
  }

  /**
   * @returns what is stored; nothing when the file is missing
   * @throws FlockError FLOCK_ALLOCATIONS_INVALID
   */
  async load(): Promise<AllocationFile> {
    const text = this.#read();
    if (text === undefined) return { allocations: new Map(), unusable: [] };
    const file = parseAllocationFile(text, this.#path);
    this.#bytes = Buffer.byteLength(text);
    this.#digest = createHash('sha256').update(text).digest('hex');
    this.#signature = await signatureOf(this.#path);
    const changes = await this.#journal.read(this.#digest);
    if (changes === undefined)
      this.#log.info(
        { path: this.#path },
        'the allocation file is newer than its journal, which is not used',
      );
    applyTo(file.allocations, changes ?? []);
    return file;
  }

  /**
   * Makes changes durable.
   * @param file what is stored before them; not changed
   * @throws an error of the file system: what is stored is as before
   */
  async save(file: AllocationFile, changes: readonly Change[]): Promise<void> {
    const isLarge = this.#bytes + this.#journal.bytes > smallBytes;
    // A file that is gone or not ours any more has no journal.
    const isOurs = isLarge && (await signatureOf(this.#path)) === this.#signature;
    if (isOurs && (await this.#journal.append(changes, this.#digest))) return;
    const allocations = new Map(file.allocations);
    applyTo(allocations, changes);
    await this.#writeWhole({ allocations, unusable: file.unusable });
  }

  /** Whether the journal has grown as large as the file. */
  get isDue(): boolean {
    return this.#journal.bytes > Math.max(this.#bytes, smallBytes);
  }

  /** Writes what is stored as a whole, if some of it is in the journal only; it must not change meanwhile. */
  async compact(file: AllocationFile): Promise<void> {
    if (this.#journal.bytes > 0) await this.#writeWhole(file);
  }

  async #writeWhole(file: AllocationFile): Promise<void> {
    const hash = createHash('sha256');
    let bytes = 0;
    async function* counted() {
      for (const part of allocationFileParts(file)) {
        hash.update(part);
        bytes += Buffer.byteLength(part);
        yield part;
      }
    }
    await writeDurably(this.#path, counted());
    this.#bytes = bytes;
    this.#digest = hash.digest('hex');
    this.#signature = await signatureOf(this.#path);
    this.#journal.begin();
  }

  #read(): string | undefined {
    try {
      return readTextFile(this.#path, longestFile.allocations);
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

/** Makes changes in place. */
export function applyTo(allocations: AllocationFile['allocations'], changes: readonly Change[]): void {
  for (const { key, allocation } of changes) {
    if (allocation === undefined) allocations.delete(key);
    else allocations.set(key, allocation);
  }
}

/** Empty when there is no such file. */
async function signatureOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? '' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`;
}
