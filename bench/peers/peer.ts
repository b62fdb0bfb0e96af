/** A program that programs routes, for the table of all peers. */
import { access } from 'node:fs/promises';
import type { Cell, Field, Operation } from '../field.ts';

/** A started peer in a field, for one cell. */
export interface Worker {
  /** @returns microseconds until the kernel had all of the cell's routes */
  perform(operation: Operation): Promise<number>;
  close(): Promise<void>;
}

export interface Peer {
  name: string;
  /** What is measured, in a sentence. */
  what: string;
  /** The largest number of destinations: larger cells take too long and are left out, which the report states. */
  limit: number;
  /** It still writes after the kernel has had all routes: it may remove a route and add it again. */
  restless?: true;
  /** Why it can not run on this machine; undefined when it can. */
  missing(): Promise<string | undefined>;
  open(field: Field, cell: Cell): Promise<Worker>;
}

/** Names the first of these files, each from a Debian package, that is missing. */
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
