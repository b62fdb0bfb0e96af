/**
 * Follows a collection of Kubernetes objects until it is stopped: all objects once, then watches, each from where the
 * last one ended. All objects come at the head of a watch where the server can (`initial-events.ts`), or else by a
 * list.
 *
 * client-node's informer ends on most errors and leaves the restart to its user (its issues 596, 958, 1933).
 * Here no error ends it:
 * - the server's own timeout, or silence: watch again from the last version;
 * - too many requests (429): the same, after a pause;
 * - 410, the version is too old: all objects again, at once;
 * - any other error, such as a closed connection, a refusal or an invalid answer: all objects again, after a pause.
 * All objects and not a watch, because a server may return with another history: at a version that a restored etcd has
 * not reached yet, a watch is open and silent (seen with 1.20). All objects at that version are refused, and
 * then the newest are requested. Pauses grow, with jitter, so that not all nodes reach a server that returns at once. The last
 * known objects stay meanwhile.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { ApiStatusError, GarbageError, versionOf, type WatchEvent } from './api-answer.ts';
import { ConnectionReport } from './connection-report.ts';
import { IncompleteError, InitialEvents, isListWorthTrying, isUnserved } from './initial-events.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { type ListWatchTiming, pauseMs } from './list-watch-timing.ts';
import { SilenceError } from './request-lifetime.ts';

/** What keeps the objects. None of its functions may throw. */
export interface ListWatchTarget {
  /** All objects that exist now. */
  replace(objects: unknown[]): void;
  upsert(object: unknown): void;
  remove(object: unknown): void;
}

export interface Place {
  /** The collection, such as `/api/v1/pods`. */
  path: string;
  /** Which of its objects. Default: all. */
  fieldSelector?: string | undefined;
  labelSelector?: string | undefined;
}

export interface ListWatchOptions extends Place {
  client: KubernetesClient;
  /** What is followed, for the log, such as `the pods of node-a`. */
  what: string;
  /** Where the same is found when the server does not know the place (404) or does not show it (403). */
  otherwise?: Place | undefined;
  target: ListWatchTarget;
  log: Log;
  timing: ListWatchTiming;
}

export class ListWatch {
  readonly #options: ListWatchOptions;
  readonly #report: ConnectionReport;
  readonly #stopping = new AbortController();
  #place: Place;
  /** Whether the other place is followed because the first one was refused. */
  #wasRefused = false;
  /** Whether the server may be able to begin a watch with all objects. */
  #canBegin = true;
  /** The version the next watch begins at; undefined when a list must come first. */
  #version: string | undefined;
  /** How new a list must be: `0` is any version in the server's cache, empty is the newest, read from etcd. */
  #listVersion = '0';
  #watchBegan: number | undefined;

  constructor(options: ListWatchOptions) {
    const { client, what, log } = options;
    this.#options = options;
    this.#place = options;
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
        await this.#follow(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        // A silent watch is started again; the next answer shows whether the server was lost.
        if (error instanceof SilenceError && this.#watchBegan !== undefined) continue;
        if (statusOf(error) !== 429) this.#version = undefined;
        // A version can become too old while the server restarts. That is no failure unless this list was just read.
        if (statusOf(error) === 410 && resumed) continue;
        if (this.#version === undefined && this.#changePlace(statusOf(error))) continue;
        failures = this.#watchedMs() >= this.#options.timing.steadyMs ? 1 : failures + 1;
        this.#report.lost(error);
        const asked = error instanceof ApiStatusError ? error.retryAfterMs : 0;
        await this.#pause(pauseMs(this.#options.timing, failures, asked), credentials, signal);
      }
    }
  }

  /**
   * To the other place and back. Who is refused (403) may be allowed later: the first place is asked again whenever all
   * objects are read again.
   * @returns whether the other place is to be asked at once
   */
  #changePlace(status = 0): boolean {
    const { otherwise } = this.#options;
    const isElsewhere = [403, 404].includes(status);
    if (otherwise === undefined || !(isElsewhere || this.#wasRefused)) return false;
    const isFirst = this.#place !== otherwise;
    this.#wasRefused = isFirst && status === 403;
    this.#place = isFirst ? otherwise : this.#options;
    this.#listVersion = '0';
    return isFirst && status === 404;
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

  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#version === undefined && this.#canBegin) {
      try {
        return await this.#watchFromBeginning(signal);
      } catch (error) {
        if (signal.aborted || this.#version !== undefined || !isListWorthTrying(error)) throw error;
        if (isUnserved(error)) this.#canBegin = false;
      }
    }
    if (this.#version === undefined) await this.#list(signal);
    await this.#watch({ resourceVersion: this.#version ?? '' }, signal);
  }

  /** All objects and then each change, by one request. */
  async #watchFromBeginning(signal: AbortSignal): Promise<void> {
    const initial = new InitialEvents(this.#options.timing, signal);
    const parameters = {
      resourceVersion: this.#listVersion,
      resourceVersionMatch: 'NotOlderThan',
      sendInitialEvents: 'true',
    };
    try {
      await this.#watch(parameters, initial.signal, initial);
    } catch (error) {
      throw initial.errorOf(error);
    } finally {
      initial.end();
    }
  }

  async #watch(
    parameters: Record<string, string>,
    signal: AbortSignal,
    initial?: InitialEvents,
  ): Promise<void> {
    const { client, target, timing } = this.#options;
    const seconds = Math.round(timing.watchSeconds * (1 + Math.random()));
    const query = this.#query({
      watch: 'true',
      ...parameters,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
    });
    let opened = 0;
    for await (const event of client.watch(query, timing, signal)) {
      signal.throwIfAborted();
      if (event === undefined) {
        opened = performance.now();
        if (initial === undefined) this.#connected();
        else initial.begin(timing.wholeMs);
        continue;
      }
      const version = versionOf(event);
      if (this.#version === undefined && initial !== undefined) {
        const objects = initial.take(event);
        if (objects === undefined) continue;
        target.replace(objects);
        this.#connected();
      } else this.#apply(event);
      this.#advance(version);
    }
    if (this.#version === undefined) {
      throw new IncompleteError('the API server ended the watch before it had sent all objects');
    }
    // Clocks differ a little. A server that shuts down ends its watches at any time.
    if (performance.now() - opened < seconds * 900)
      throw new Error('the API server ended the watch before its timeout');
  }

  #apply({ type, object }: WatchEvent): void {
    const { target } = this.#options;
    if (type === 'DELETED') target.remove(object);
    else if (type === 'ADDED' || type === 'MODIFIED') target.upsert(object);
    else if (type !== 'BOOKMARK')
      throw new GarbageError(`the API server sent an event of the unknown type ${type}`);
  }

  #connected(): void {
    this.#watchBegan = performance.now();
    this.#report.connected();
  }

  #advance(version: string): void {
    this.#version = version;
    this.#listVersion = version;
  }

  #query(parameters: Record<string, string>): string {
    const { path, fieldSelector, labelSelector } = this.#place;
    const selectors = { ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
    return `${path}?${new URLSearchParams({ ...selectors, ...parameters })}`;
  }

  /** The age of the last watch in milliseconds; 0 if there was none. */
  #watchedMs(): number {
    return this.#watchBegan === undefined ? 0 : performance.now() - this.#watchBegan;
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiStatusError ? error.status : undefined;
}
