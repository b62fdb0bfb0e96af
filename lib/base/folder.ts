/** Makes missing folders. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * `mkdir -p`. Node's own never returns where a folder can not be made although its parent exists, such as below
 * /proc: it takes the ENOENT for a missing parent and repeats.
 *
 * @param mode of the folders that are made
 * @returns the first folder that was made; undefined when all were there
 * @throws the error of mkdir(2)
 */
export async function makeFolder(folder: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(folder, { mode });
    return folder;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return undefined;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
  }
  const first = await makeFolder(dirname(folder), mode);
  await mkdir(folder, { mode });
  return first ?? folder;
}
