/** Programs whose addon gets no memory or no thread when they order it (`faults.c`). */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../support/compile.ts';
import type { Namespace } from '../support/lab.ts';
import { plainNode } from './route-lab.ts';

/** Orders faults of this very program; the path of the file is in FAULTS. */
export class Faults {
  readonly #file = openSync(process.env.FAULTS as string, 'r+');

  /** The `number`th allocation from now on fails, and with `forGood` all after it. */
  failAllocation(number: number, forGood: boolean): void {
    this.#write(number, Number(forGood), 0);
  }

  failThreads(): void {
    this.#write(0, 0, 1);
  }

  /** @returns how many faults there were */
  end(): number {
    const failed = new Int32Array(1);
    readSync(this.#file, failed, 0, 4, 12);
    this.#write(0, 0, 0);
    return failed[0] as number;
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(...values: number[]): void {
    writeSync(this.#file, Int32Array.of(...values, 0), 0, 16, 0);
  }
}

/** Runs a program of `test/native` in a namespace and gives its output. Rejects when it ends by a signal. */
export async function runFaulty(host: Namespace, program: string, ...args: string[]): Promise<string> {
  const file = join(host.lab.dir, 'orders');
  const library = await compile(new URL('faults.c', import.meta.url), host.lab.dir, ['-shared', '-fPIC']);
  writeFileSync(file, new Uint8Array(16));
  // env(1) takes assignments before the command, which is Node, the last word.
  const [command, ...words] = plainNode;
  const node = words.pop() as string;
  return host.exec(
    command,
    ...words,
    `LD_PRELOAD=${library}`,
    `FAULTS=${file}`,
    node,
    fileURLToPath(new URL(program, import.meta.url)),
    ...args,
  );
}
