/**
 * Follows the entries of a folder: by inotify events, and by a poll behind them.
 *
 * The poll is needed because `fs.watch` reports neither a queue overflow nor a change behind a symbolic link
 * (man 7 inotify). It also finds a folder that was missing, or was replaced by another, and it works alone where
 * the kernel gives no watch. Reading the folder is the user's part, and so is to report that it can not be read.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename } from 'node:path';
import type { Log } from './log.ts';

export interface WatchedFolderOptions {
  path: string;
  /** How the log names what is followed, such as `node config`. */
  what: string;
  log: Log;
  /** Milliseconds between two polls. */
  pollMs: number;
  /** Whether the program goes on running for this alone, as it does for a server. */
  persistent: boolean;
  /** Called with the name of an entry that was added, changed or removed; undefined when it may be any of them. */
  onEvent: (name: string | undefined) => void;
  /** Called at each poll, after the watch was placed again where that was necessary. */
  onPoll: () => void;
}

/** Kubernetes replaces all files of a volume at once by a rename over this link, and the files' own links stay. */
const kubernetesLink = '..data';

/** What to do where the kernel gives no watch; a folder that is missing is reported by its reader. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'raise sysctl fs.inotify.max_user_watches',
  EMFILE: 'raise sysctl fs.inotify.max_user_instances, or the limit of open files of this program',
  EACCES: 'let this program read the folder',
};

export class WatchedFolder {
  readonly #options: WatchedFolderOptions;
  #watcher: FSWatcher | undefined;
  /** The folder that has the watch, by device and inode. */
  #watched: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reported: string | undefined;

  constructor(options: WatchedFolderOptions) {
    this.#options = options;
  }

  /** Follows the folder until `stop()`, whether it is there or not. */
  start(): void {
    if (this.#timer !== undefined) return;
    const { pollMs, persistent, onPoll } = this.#options;
    this.#placeWatch();
    this.#timer = setInterval(() => {
      this.#placeWatch();
      onPoll();
    }, pollMs);
    if (!persistent) this.#timer.unref();
  }

  /** Nothing is called after this. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#removeWatch();
  }

  /** Places the watch when there is none, or when the folder is not the one that has it. */
  #placeWatch(): void {
    const { path, persistent, onEvent } = this.#options;
    const identity = identityOf(path);
    if (identity !== undefined && identity === this.#watched) return;
    this.#removeWatch();
    if (identity === undefined) return;
    try {
      this.#watcher = watch(path, { persistent }, (event, name) => {
        // An event with the folder's own name is one of the folder: moved away, deleted or unmounted.
        if (event === 'rename' && name === basename(path)) this.#placeWatchAgain();
        else onEvent(name === null || name === kubernetesLink ? undefined : name);
      });
      this.#watcher.on('error', () => this.#removeWatch());
      this.#watched = identity;
      this.#reportWatch();
    } catch (error) {
      this.#reportNoWatch(error as NodeJS.ErrnoException);
    }
  }

  /** The next folder at the path may have the number of the deleted one, so that its identity shows nothing. */
  #placeWatchAgain(): void {
    this.#removeWatch();
    this.#placeWatch();
    this.#options.onEvent(undefined);
  }

  #removeWatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }

  #reportWatch(): void {
    const { path, what, log } = this.#options;
    if (this.#reported !== undefined) log.info({ path }, `${what}: changes are seen at once again`);
    this.#reported = undefined;
  }

  /** Once, until there is a watch again: each poll tries to place one. */
  #reportNoWatch({ code = '', message }: NodeJS.ErrnoException): void {
    const { path, what, log, pollMs } = this.#options;
    if (code === 'ENOENT' || code === this.#reported) return;
    this.#reported = code;
    const remedy = remedies[code] ?? 'see what the error says';
    log.warn({ code, path, remedy }, `${what}: changes are seen only every ${pollMs} ms: ${message}`);
  }
}

function identityOf(folder: string): string | undefined {
  try {
    const stat = statSync(folder, { bigint: true });
    return stat.isDirectory() ? `${stat.dev}:${stat.ino}` : undefined;
  } catch {
    return undefined;
  }
}
