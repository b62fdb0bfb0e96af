/** Somebody who programs routes, as the table of all peers asks it to. */
import { access } from 'node:fs/promises';
import type { Cell, Field, Operation } from '../field.ts';

/** A peer at work in a field, for one cell. */
export interface Worker {
  /** @returns microseconds until the kernel had all of the cell's routes so */
  perform(operation: Operation): Promise<number>;
  close(): Promise<void>;
}

export interface Peer {
  name: string;
  /** What is measured, in a sentence. */
  what: string;
  /** The most destinations it is asked for: what would take longer is left out, and the report says so. */
  limit: number;
  /** It goes on writing when the kernel has had all once: a route may be away for a moment, taken out to be put in. */
  restless?: true;
  /** Why it can not run here; undefined when it can. */
  missing(): Promise<string | undefined>;
  open(field: Field, cell: Cell): Promise<Worker>;
}

/** Says which of these files, each of a Debian package, is not there. */
export async function missingFile(files: Record<string, string>): Promise<string | undefined> {
  for (const [path, debianPackage] of Object.entries(files)) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (!there) return `${path} is missing; Debian's package ${debianPackage} has it`;
  }
  return undefined;
}

export const always = async (): Promise<undefined> => undefined;
