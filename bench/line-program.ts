/** A program that answers each line on its standard input with one line. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endChild } from '../test/support/lab.ts';

export class LineProgram {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  readonly #lines: string[] = [];
  #errors = '';
  #ended: Error | undefined;
  #listener: ((line: string) => void) | undefined;

  /** @param child with pipes for all three streams */
  constructor(child: ChildProcess) {
    this.#child = child;
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null) throw new TypeError('child without pipes');
    createInterface({ input: stdout }).on('line', line => this.#take(line));
    stderr.on('data', (data: Buffer) => {
      this.#errors += data.toString();
    });
    // `exit` reports the end of the program; a write after that is not a second error.
    stdin.on('error', () => {});
    child.once('error', error => this.#end(error));
    child.once('exit', (code, signal) => {
      const said = this.#errors.trim();
      this.#end(new Error(`${child.spawnargs.slice(2).join(' ')} ended (${signal ?? code}): ${said}`));
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** @throws Error with the program's text when it answers `error …`, or ends without an answer */
  async ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    const answer = await this.next();
    if (answer.startsWith('error')) throw new Error(`${line}: ${answer}`);
    return answer;
  }

  /** The next line of output. */
  next(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** From now on, calls `listener` with every line. */
  onLine(listener: (line: string) => void): void {
    this.#listener = listener;
    for (const line of this.#lines.splice(0)) listener(line);
  }

  async stop(): Promise<void> {
    await endChild(this.#child, 1000);
  }

  #take(line: string): void {
    if (this.#listener !== undefined) this.#listener(line);
    else {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#lines.push(line);
      else waiter.resolve(line);
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
