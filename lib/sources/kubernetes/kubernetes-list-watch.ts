/**
 * Follows a collection of Kubernetes objects until it is stopped: one list, then watches, each from where the last
 * one ended.
 *
 * client-node's informer ends on most errors and leaves the restart to its user (its issues 596, 958, 1933).
 * Here no error ends it:
 * - the server's own timeout, or silence: watch again from the last version;
 * - too many requests (429): the same, after a pause;
 * - 410, the version is too old: list again, at once;
 * - any other error, such as a closed connection, a refusal or an invalid answer: list again, after a pause.
 * A list and not a watch, because a server may return with another history: at a version that a restored etcd has
 * not reached yet, a watch is open and silent (seen with 1.20). A list at that version is refused, and then the
 * newest is requested. Pauses grow, with jitter, so that not all nodes reach a server that returns at once. The last
 * known objects stay meanwhile.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { ApiStatusError, GarbageError } from './api-answer.ts';
import { ConnectionReport } from './connection-report.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { SilenceError } from './request-lifetime.ts';

export interface ListWatchTiming {
  /** The server ends a watch after this many seconds at least, and twice as many at most (client-go: 300). */
  watchSeconds: number;
  /**
   * Milliseconds a watch may be silent. The server sends a bookmark a minute while objects of this kind change
   * anywhere in the cluster, and none otherwise (seen with 1.20): without changes a watch is repeated this often.
   */
  idleMs: number;
  /** Milliseconds until an answer begins, and between two pieces of a list. */
  answerMs: number;
  /** Milliseconds for the whole of a list, or of an event that has begun, also on a slow network. */
  wholeMs: number;
  /** The first pause after a failure, in milliseconds; it doubles with each further one. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** After a watch of this many milliseconds the pauses begin at the first one again. */
  steadyMs: number;
}

export const defaultTiming: ListWatchTiming = {
  watchSeconds: 300,
  idleMs: 90_000,
  answerMs: 30_000,
  wholeMs: 120_000,
  firstPauseMs: 250,
  longestPauseMs: 30_000,
  steadyMs: 10_000,
};

/** What keeps the objects. None of its functions may throw. */
export interface ListWatchTarget {
  /** All objects that exist now. */
  replace(objects: unknown[]): void;
  upsert(object: unknown): void;
  remove(object: unknown): void;
}

export interface ListWatchOptions {
  client: KubernetesClient;
  /** The collection, such as `/api/v1/pods`. */
  path: string;
  /** What is followed, for the log, such as `the pods of node-a`. */
  what: string;
  fieldSelector: string;
  target: ListWatchTarget;
  log: Log;
  timing: ListWatchTiming;
}

export class ListWatch {
  readonly #options: ListWatchOptions;
  readonly #report: ConnectionReport;
  readonly #stopping = new AbortController();
  /** The version the next watch begins at; undefined when a list must come first. */
  #version: string | undefined;
  /** How new a list must be: `0` is any version in the server's cache, empty is the newest, read from etcd. */
  #listVersion = '0';
  #watchBegan: number | undefined;

  constructor(options: ListWatchOptions) {
    const { client, what, log } = options;
    this.#options = options;
    this.#report = new ConnectionReport({ server: client, what, log });
  }

  /** False from the loss of the server until a watch has begun again. */
  get isConnected(): boolean {
    return this.#report.isConnected;
  }

  start(): void {
    void this.#run(this.#stopping.signal);
  }

  /** Nothing reaches the target after this. */
  stop(): void {
    this.#stopping.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      this.#watchBegan = undefined;
      const resumed = this.#version !== undefined;
      const credentials = this.#options.client.credentialsSignature();
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // A silent watch is started again; the next answer shows whether the server was lost.
        if (error instanceof SilenceError && this.#watchBegan !== undefined) continue;
        if (statusOf(error) !== 429) this.#version = undefined;
        // A version can become too old while the server restarts. That is no failure unless this list was just read.
        if (statusOf(error) === 410 && resumed) continue;
        failures = this.#watchedMs() >= this.#options.timing.steadyMs ? 1 : failures + 1;
        this.#report.lost(error);
        const asked = error instanceof ApiStatusError ? error.retryAfterMs : 0;
        await this.#pause(this.#pauseMs(failures, asked), credentials, signal);
      }
    }
  }

  /**
   * Ends early when a file has changed that the credentials come from: the failure may be over. Within a second, and
   * never at once: a file that changes all the time makes no requests without a pause.
   */
  async #pause(ms: number, credentials: string, signal: AbortSignal): Promise<void> {
    const end = performance.now() + ms;
    const { client } = this.#options;
    do {
      const left = end - performance.now();
      if (left <= 0) return;
      await pause(Math.min(left, 1000), undefined, { signal }).catch(() => undefined);
    } while (!signal.aborted && client.credentialsSignature() === credentials);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, target, timing } = this.#options;
    // A list at a version comes from the server's memory; it is never older than what we have seen.
    const query = this.#query({ resourceVersion: this.#listVersion });
    let list: { metadata?: { resourceVersion?: unknown }; items?: unknown } | null;
    try {
      list = (await client.getJson(query, timing, signal)) as typeof list;
    } catch (error) {
      // 410: the server no longer has that version. 504: not yet ("Too large resource version").
      if (this.#listVersion === '' || ![410, 504].includes(statusOf(error) ?? 0)) throw error;
      this.#listVersion = '';
      return this.#list(signal);
    }
    signal.throwIfAborted();
    const version = list?.metadata?.resourceVersion;
    if (typeof version !== 'string' || !Array.isArray(list?.items)) {
      throw new GarbageError('the API server sent an answer that is not a list');
    }
    target.replace(list.items);
    this.#advance(version);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, target, timing } = this.#options;
    const seconds = Math.round(timing.watchSeconds * (1 + Math.random()));
    const query = this.#query({
      watch: 'true',
      resourceVersion: this.#version ?? '',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
    });
    for await (const event of client.watch(query, timing, signal)) {
      if (signal.aborted) return;
      if (event === undefined) {
        this.#watchBegan = performance.now();
        this.#report.connected();
        continue;
      }
      const { type, object } = event;
      const version = (object as { metadata?: { resourceVersion?: unknown } }).metadata?.resourceVersion;
      if (typeof version !== 'string')
        throw new GarbageError(`the API server sent an event ${type} of an object without a version`);
      if (type === 'DELETED') target.remove(object);
      else if (type === 'ADDED' || type === 'MODIFIED') target.upsert(object);
      else if (type !== 'BOOKMARK')
        throw new GarbageError(`the API server sent an event of the unknown type ${type}`);
      this.#advance(version);
    }
    // Clocks differ a little. A server that shuts down ends its watches at any time.
    if (this.#watchedMs() < seconds * 900)
      throw new Error('the API server ended the watch before its timeout');
  }

  #advance(version: string): void {
    this.#version = version;
    this.#listVersion = version;
  }

  #query(parameters: Record<string, string>): string {
    const { path, fieldSelector } = this.#options;
    return `${path}?${new URLSearchParams({ fieldSelector, ...parameters })}`;
  }

  /** The age of the last watch in milliseconds; 0 if there was none. */
  #watchedMs(): number {
    return this.#watchBegan === undefined ? 0 : performance.now() - this.#watchBegan;
  }

  /**
   * Between half and all of a pause that doubles with each failure. If the server requests a longer one: that one
   * and up to half of it more, because the server requests the same of all nodes.
   */
  #pauseMs(failures: number, askedMs: number): number {
    const { firstPauseMs, longestPauseMs } = this.#options.timing;
    const longest = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
    const asked = Math.min(askedMs, longestPauseMs);
    return Math.max(longest * (1 - Math.random() / 2), asked * (1 + Math.random() / 2));
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiStatusError ? error.status : undefined;
}
