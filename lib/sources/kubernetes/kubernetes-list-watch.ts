/**
 * Follows a collection of Kubernetes objects for as long as the program lives: one list, then watches, each from
 * where the last one ended.
 *
 * client-node's informer ends on most errors and leaves the restart to its user (its issues 596, 958, 1933).
 * Here every end leads on:
 * - the server's own time-out, or silence: watch again from the last version;
 * - too many requests (429): the same, after a pause;
 * - 410, a version too old: list again, at once;
 * - cut, ended early, refused, an answer that makes no sense or never ends, and all the rest: list again, after
 *   a pause.
 * A list and not a watch, because a server that was away may come back with another history: from a version that
 * a restored etcd has not come to yet, a watch is open and silent (seen with 1.20). A list at that version is
 * refused, and the newest is asked for. Pauses grow, with jitter, so that a server that comes back is not met by
 * all nodes at once. What was known stays all the while.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { ApiStatusError, GarbageError } from './api-answer.ts';
import { ConnectionReport } from './connection-report.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { SilenceError } from './request-lifetime.ts';

export interface ListWatchTiming {
  /** A watch ends by itself after this many seconds at least, and after twice as many at most (client-go: 300). */
  watchSeconds: number;
  /**
   * Milliseconds a watch may be silent. The server sends a bookmark a minute while objects of this kind change
   * anywhere in the cluster, and none while none does (seen with 1.20): a still cluster is asked again this often.
   */
  idleMs: number;
  /** Milliseconds until an answer begins, and between two pieces of a list. */
  answerMs: number;
  /** Milliseconds for the whole of a list, or of an event that has begun. A slow network may take its time. */
  wholeMs: number;
  /** The first pause after a failure, in milliseconds; it doubles with each further one. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** After a watch of this many milliseconds, what failed before is forgotten. */
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

/** Whoever keeps the objects. None of it may throw. */
export interface ListWatchTarget {
  /** All there are, now. */
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
  /** How new a list must be: `0` is whatever the server has at hand, empty the newest, which it reads from etcd. */
  #listVersion = '0';
  #watchBegan: number | undefined;

  constructor(options: ListWatchOptions) {
    const { client, what, log } = options;
    this.#options = options;
    this.#report = new ConnectionReport({ server: client.url.origin, what, log });
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
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // A watch that began and then fell silent is begun again; the next answer tells whether that was a loss.
        if (error instanceof SilenceError && this.#watchBegan !== undefined) continue;
        if (statusOf(error) !== 429) this.#version = undefined;
        // A version grows old while the server restarts, and that is no failure: not if it was just given to us.
        if (statusOf(error) === 410 && resumed) continue;
        failures = this.#watchedMs() >= this.#options.timing.steadyMs ? 1 : failures + 1;
        this.#report.lost(error);
        const asked = error instanceof ApiStatusError ? error.retryAfterMs : 0;
        await pause(this.#pauseMs(failures, asked), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, target, timing } = this.#options;
    // A list at a version comes from the server's memory; it is never older than what we have seen.
    const query = this.#query({ resourceVersion: this.#listVersion });
    let list: { metadata?: { resourceVersion?: unknown }; items?: unknown } | null;
    try {
      list = (await client.getJson(query, timing, signal)) as typeof list;
    } catch (error) {
      // 410: that version is forgotten. 504: the server has not come to it ("Too large resource version").
      if (this.#listVersion === '' || ![410, 504].includes(statusOf(error) ?? 0)) throw error;
      this.#listVersion = '';
      return this.#list(signal);
    }
    signal.throwIfAborted();
    const version = list?.metadata?.resourceVersion;
    if (typeof version !== 'string' || !Array.isArray(list?.items)) {
      throw new GarbageError('the API server sent what is no list');
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
      if (typeof version !== 'string') throw new GarbageError(`the API server sent ${type} of nothing`);
      if (type === 'DELETED') target.remove(object);
      else if (type === 'ADDED' || type === 'MODIFIED') target.upsert(object);
      else if (type !== 'BOOKMARK') throw new GarbageError(`the API server sent an event ${type}`);
      this.#advance(version);
    }
    // Clocks differ a little; a server that is shutting down ends its watches at any time.
    if (this.#watchedMs() < seconds * 900) throw new Error('the API server ended the watch before its time');
  }

  #advance(version: string): void {
    this.#version = version;
    this.#listVersion = version;
  }

  #query(parameters: Record<string, string>): string {
    const { path, fieldSelector } = this.#options;
    return `${path}?${new URLSearchParams({ fieldSelector, ...parameters })}`;
  }

  /** Milliseconds the last watch has lived; 0 if there was none. */
  #watchedMs(): number {
    return this.#watchBegan === undefined ? 0 : performance.now() - this.#watchBegan;
  }

  /**
   * Between a half and the whole of a pause that doubles with each failure; and if the server asks for a longer
   * one, that and up to half of it more, for it asks all nodes for the same.
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
