/**
 * Changes of allocations since their file was last written as a whole: one line of JSON for each request, appended, so
 * that a request costs the same whatever is stored. The first line says of which content of the file these are the
 * changes: a file that was replaced makes its journal void, in the same step.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { syncFolder } from '../../base/durable-file.ts';
import { FlockError } from '../../base/errors.ts';
import { longestFile, readTextFile } from '../../base/regular-file.ts';
import { type Allocation, allocationSchema } from './allocation.ts';

/** An allocation as it is from now on; undefined when it is removed. */
export interface Change {
  /** `namespace/name` of the pod. */
  readonly key: string;
  readonly allocation: Allocation | undefined;
}

const headSchema = z.strictObject({ version: z.literal(1), of: z.string() });
const lineSchema = z.array(z.strictObject({ key: z.string(), allocation: allocationSchema.optional() }));

export class AllocationJournal {
  readonly #path: string;
  /** Of its lines that count; 0 when it has none. */
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param of the digest of the file's content
   * @returns the changes of that content, in order; undefined when there is a journal, and it is of another content
   * @throws FlockError FLOCK_ALLOCATIONS_INVALID when a line can not be understood. The last one may: the program or
   *   the machine ended while it was written, before its request was answered
   */
  async read(of: string): Promise<Change[] | undefined> {
    const lines = this.#text().split('\n');
    // After the last line break: nothing, or a line that is not complete.
    lines.pop();
    const changes: Change[] = [];
    let bytes = 0;
    for (const [index, line] of lines.entries()) {
      try {
        if (index > 0)
          for (const { key, allocation } of lineSchema.parse(JSON.parse(line)))
            changes.push({ key, allocation });
        else if (headSchema.parse(JSON.parse(line)).of !== of) return undefined;
      } catch (error) {
        if (index < lines.length - 1) throw this.#unreadable(error as Error, index + 1);
        break;
      }
      bytes += Buffer.byteLength(line) + 1;
    }
    this.#bytes = bytes;
    return changes;
  }

  #text(): string {
    try {
      return readTextFile(this.#path, longestFile.allocations);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw this.#unreadable(error as Error);
    }
  }

  /**
   * Resolves when the changes are durable.
   * @returns whether they are; not when the journal is not there any more as it was left
   * @throws an error of the file system: nothing was appended
   */
  async append(changes: readonly Change[], of: string): Promise<boolean> {
    const isNew = this.#bytes === 0;
    const head = isNew ? `${JSON.stringify({ version: 1, of })}\n` : '';
    const line = Buffer.from(`${head}${JSON.stringify(changes)}\n`);
    let file: FileHandle;
    try {
      file = await open(this.#path, isNew ? 'w' : 'r+', 0o640);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    try {
      const { size } = await file.stat();
      if (size < this.#bytes) return false;
      // What a failed attempt, or the end of a former program, has left.
      if (size > this.#bytes) await file.truncate(this.#bytes);
      // A disk that becomes full takes a part of it, and refuses only the rest.
      for (let at = 0; at < line.length; ) {
        const { bytesWritten } = await file.write(line, at, line.length - at, this.#bytes + at);
        at += bytesWritten;
      }
      await file.datasync();
      if (isNew) await syncFolder(this.#path);
    } catch (error) {
      await file.truncate(this.#bytes).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    this.#bytes += line.length;
    return true;
  }

  /** The file was written as a whole: the next line begins the journal of its new content. */
  begin(): void {
    this.#bytes = 0;
  }

  #unreadable(cause: Error, line?: number): FlockError {
    const where = line === undefined ? this.#path : `${this.#path}, line ${line}`;
    return new FlockError('FLOCK_ALLOCATIONS_INVALID', `can not read ${where}: ${cause.message}`, {
      value: this.#path,
      remedy: 'restore it from its last good copy, or remove it: the changes that it holds are lost then',
      cause,
    });
  }
}
