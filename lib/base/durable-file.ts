/**
 * A file that a power cut leaves as it was or as it was to be: written beside its place, synced, renamed over
 * it, and the folder synced (rename(2) is atomic, but durable only with its folder).
 */
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './folder.ts';

/** Replaces the file at `path`; resolves when the new text is durable. Its folder is made where it is missing. */
export async function writeDurably(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path), 0o750);
  const temporary = `${path}.new`;
  {
    await using file = await open(temporary, 'w', 0o640);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(temporary, path);
  await syncFolder(path);
}

/** Makes what happened to the name of a file durable: its coming, its going. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
