/** C programs of the tests, where Node would measure itself: compiled when they are needed, into a lab's folder. */
import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * @param source of a program of one file
 * @param folder where the program goes, under the source's name without its end
 * @param options more of the compiler's, such as `-shared`
 * @returns the program's path
 */
export async function compile(source: URL, folder: string, options: string[] = []): Promise<string> {
  const path = fileURLToPath(source);
  const program = join(folder, basename(path, '.c'));
  await run('cc', ['-O2', '-Wall', '-Wextra', '-Werror', ...options, '-o', program, path]);
  return program;
}
