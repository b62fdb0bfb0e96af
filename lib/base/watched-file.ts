/**
 * A file that others write. It is parsed whenever it changes, and keeps its last good value while it is invalid or
 * missing.
 *
 * The folder is watched, not the file: editors, ConfigMap volumes and atomic writers replace the file, and an
 * inotify watch stays with the old inode.
 */
import { dirname } from 'node:path';
import { type ErrorCode, FlockError } from './errors.ts';
import { Listeners } from './listeners.ts';
import type { Log } from './log.ts';
import { longestFile, readTextFile } from './regular-file.ts';
import { WatchedFolder } from './watched-folder.ts';

export interface WatchedFileOptions<T> {
  path: string;
  /** How the log names the file, such as `node config`. */
  what: string;
  /** The code of the error when the file can not be read. */
  invalid: ErrorCode;
  /** Turns the text into the value; throws a FlockError for what is wrong with it. */
  parse: (text: string) => T;
  log: Log;
  /** Bytes. Default: those of a configuration file. */
  longest?: number;
  /** Milliseconds between two polls, which find what no event reported. */
  pollMs?: number;
}

export class WatchedFile<T extends NonNullable<unknown>> {
  readonly path: string;
  readonly #what: string;
  readonly #invalid: ErrorCode;
  readonly #parse: (text: string) => T;
  readonly #log: Log;
  readonly #longest: number;
  readonly #folder: WatchedFolder;
  readonly #listeners = new Listeners();
  #value: T | undefined;
  #text: string | undefined;
  #problem: FlockError | undefined;
  #reported: string | undefined;
  #look: NodeJS.Immediate | undefined;

  constructor({
    path,
    what,
    invalid,
    parse,
    log,
    longest = longestFile.config,
    pollMs = 2000,
  }: WatchedFileOptions<T>) {
    this.path = path;
    this.#what = what;
    this.#invalid = invalid;
    this.#parse = parse;
    this.#log = log;
    this.#longest = longest;
    this.#folder = new WatchedFolder({
      path: dirname(path),
      what,
      log,
      pollMs,
      persistent: false,
      onEvent: () => this.#lookSoon(),
      onPoll: () => this.load(),
    });
  }

  /** The last good value; undefined until there was one. */
  snapshot(): T | undefined {
    return this.#value;
  }

  /** What is wrong with the file now, while `snapshot()` still gives its last good value. */
  get problem(): FlockError | undefined {
    return this.#problem;
  }

  /** Calls `listener` after each new good value. The function returned unsubscribes it. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Reads the file now, reports what is wrong with it, and gives `snapshot()`. */
  load(): T | undefined {
    this.#refresh();
    this.#report();
    return this.#value;
  }

  /** Loads, then follows the file until `stop()`. It keeps no program running. */
  start(): void {
    // Watch first: what changes between the two is then seen twice rather than never.
    this.#folder.start();
    this.load();
  }

  /** Nothing is read after this; `snapshot()` stays. */
  stop(): void {
    this.#folder.stop();
    clearImmediate(this.#look);
    this.#look = undefined;
  }

  /** An event may come while the file is half written: problems are reported by the next poll only. */
  #refresh(): void {
    let text: string;
    let value: T | undefined;
    try {
      text = readTextFile(this.path, this.#longest);
      if (text !== this.#text) value = this.#parse(text);
    } catch (error) {
      this.#problem = this.#describe(error);
      return;
    }
    this.#problem = undefined;
    if (value === undefined) return;
    this.#text = text;
    this.#value = value;
    this.#listeners.notify();
  }

  #describe(error: unknown): FlockError {
    if (error instanceof FlockError) return error;
    return new FlockError(this.#invalid, `can not read ${this.path}: ${(error as Error).message}`, {
      value: this.path,
      remedy: 'put a readable file there; it is read as soon as it appears',
      cause: error,
    });
  }

  #report(): void {
    const message = this.#problem?.message;
    if (message === this.#reported) return;
    this.#reported = message;
    if (this.#problem === undefined) {
      this.#log.info({ path: this.path }, `${this.#what}: good again`);
      return;
    }
    const { code, remedy } = this.#problem;
    const rest = this.#value === undefined ? '' : '; the last good one stays';
    this.#log.warn({ code, path: this.path, remedy }, `${this.#what}: ${message}${rest}`);
  }

  /** One write is several events: the file is read once for all of them. */
  #lookSoon(): void {
    this.#look ??= setImmediate(() => {
      this.#look = undefined;
      this.#refresh();
    });
  }
}
