/** The benchmark's C programs, compiled once per run into a folder that is deleted at the end of the process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../test/support/compile.ts';

let folder: string | undefined;
const compiled = new Map<string, Promise<string>>();

/** @returns the path of the program made of `native/<name>.c` */
export function program(name: 'floor' | 'watch'): Promise<string> {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  folder ??= makeFolder();
  const making = compile(new URL(`native/${name}.c`, import.meta.url), folder);
  compiled.set(name, making);
  return making;
}

function makeFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'flock-bench-'));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}
