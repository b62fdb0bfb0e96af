/**
 * A file that has its old or its new content after a power cut: the new one is written beside it, synced and
 * renamed over it, and the folder is synced (rename(2) is atomic, but durable only once its folder is synced).
 */
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './folder.ts';

/**
 * Replaces the file at `path`; resolves when the new text is durable. A missing folder is made.
 * @param text as a whole, or in parts: other work goes on between two of them
 */
export async function writeDurably(path: string, text: string | AsyncIterable<string>): Promise<void> {
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

/** Makes the creation, renaming or removal of a file durable. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
