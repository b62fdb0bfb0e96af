/** A container run by runc, which also runs the containers of a cluster. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ApiObject } from './kube-api.ts';
import { eventually } from './lab.ts';

const run = promisify(execFile);

const alive = new Set<Container>();
process.on('exit', () => {
  for (const container of alive) container.removeNow();
});

export class Container {
  readonly id: string;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exit: Promise<number | string>;
  readonly #state: string;
  readonly #child: ChildProcess;
  #output = '';

  /**
   * Starts it.
   * @param folder the caller's, for the container's configuration and runc's state
   * @param config as `containerConfig` gives it
   */
  constructor(folder: string, id: string, config: ApiObject) {
    this.id = id;
    this.#state = join(folder, 'runc');
    const bundle = join(folder, 'bundles', id);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
    this.#child = spawn('runc', ['--root', this.#state, 'run', '--bundle', bundle, id], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', data => {
        this.#output += data;
      });
    }
    this.exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.removeNow();
        resolve(code ?? signal ?? 'unknown');
      });
    });
  }

  get running(): boolean {
    return alive.has(this);
  }

  /** What it has written so far. */
  get output(): string {
    return this.#output;
  }

  /** Waits until it has written `text`. */
  async said(text: string): Promise<void> {
    await eventually(
      () => `${this.id} to say "${text}"; it says ${this.output}`,
      () => this.output.includes(text),
    );
  }

  /** Runs a command in it, with the rights of its own process, and gives the command's output. */
  async exec(command: string[]): Promise<string> {
    return (await run('runc', ['--root', this.#state, 'exec', this.id, ...command])).stdout;
  }

  /** The process id of its first process, as this machine counts. */
  async pid(): Promise<number> {
    const { stdout } = await run('runc', ['--root', this.#state, 'state', this.id]);
    return JSON.parse(stdout).pid;
  }

  /** What `/proc/PID/status` says of its first process, by its keys. */
  async status(): Promise<Record<string, string>> {
    const text = readFileSync(`/proc/${await this.pid()}/status`, 'utf8');
    return Object.fromEntries(text.split('\n').map(line => line.split(/:\s+/) as [string, string]));
  }

  /** Sends a signal to its first process. */
  async kill(signal: 'TERM' | 'KILL'): Promise<void> {
    await run('runc', ['--root', this.#state, 'kill', this.id, signal]);
  }

  /** Ends it at once, and what runc keeps of it. */
  removeNow(): void {
    if (!alive.delete(this)) return;
    try {
      execFileSync('runc', ['--root', this.#state, 'delete', '--force', this.id], { stdio: 'ignore' });
    } catch {
      // It never started: there is nothing to remove.
    }
  }
}
