/**
 * Warning Events on pods, so that `kubectl describe pod` shows what is refused to a pod and why.
 *
 * One Event for each pod, reason and message, with a name derived from them: an Event of events.k8s.io/v1 (served since
 * Kubernetes 1.19) never changes its words, and when they are said again, it becomes a series that is counted, also
 * after a restart. An Event that the server refuses is dropped, with one log line; one that did not reach it is tried
 * again after a pause. Nothing waits for an Event.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { ApiStatusError } from '../sources/kubernetes/api-answer.ts';
import { ApiWriter, type WritingClient } from './api-writer.ts';
import { type PodWarning, WarningQueue } from './pod-warnings.ts';

export interface KubernetesEventsOptions {
  client: WritingClient;
  nodeName: string;
  /** Gives all warnings now. */
  read: () => readonly PodWarning[];
  log: Log;
  queue?: WarningQueue;
  /** Milliseconds between two reads. */
  everyMs?: number;
}

const controller = 'flock-anycast';
/** The longest name of an instance that the server takes. */
const longestInstance = 128;
const longestPauseMs = 300_000;

export class KubernetesEvents {
  readonly #options: KubernetesEventsOptions;
  readonly #writer: ApiWriter;
  readonly #queue: WarningQueue;
  readonly #stopping = new AbortController();
  /** The count of each Event, by its name. */
  readonly #counts = new Map<string, number>();

  constructor(options: KubernetesEventsOptions) {
    this.#options = options;
    const { client, log } = options;
    this.#writer = new ApiWriter({ client, log, right: 'create and patch events' });
    this.#queue = options.queue ?? new WarningQueue();
  }

  start(): void {
    void this.#run(this.#stopping.signal);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { everyMs = 2000 } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      failures = (await this.#sendDue(signal)) ? 0 : failures + 1;
      const ms = Math.min(everyMs * 2 ** failures, longestPauseMs);
      await pause(ms * (1 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns whether the server answered */
  async #sendDue(signal: AbortSignal): Promise<boolean> {
    const due = this.#queue.take(this.#options.read(), performance.now());
    while (due.length > 0) {
      const warning = due.shift() as PodWarning;
      try {
        await this.#send(warning, signal);
      } catch (error) {
        if (signal.aborted) return true;
        this.#writer.reportFailure('an Event on a pod', error as Error);
        if (isFinal(error)) continue;
        for (const each of [warning, ...due]) this.#queue.putBack(each);
        return false;
      }
    }
    return true;
  }

  async #send(warning: PodWarning, signal: AbortSignal): Promise<void> {
    const { nodeName } = this.#options;
    const path = `/apis/events.k8s.io/v1/namespaces/${warning.namespace}/events`;
    const name = eventName(warning);
    // The server wants microseconds.
    const now = new Date().toISOString().replace('Z', '000Z');
    const patch = async (body: object) => countOf(await this.#writer.patch(`${path}/${name}`, body, signal));
    const again = (before: number) => patch({ series: { count: before + 1, lastObservedTime: now } });
    const create = async () => {
      const body = newEvent(warning, { name, nodeName, now });
      return countOf(await this.#writer.create(path, body, signal));
    };
    const before = this.#counts.get(name);
    const count =
      before === undefined
        ? // Patched with nothing it is read, by the right that there is.
          await create().catch(unless(409, async () => again(await patch({}))))
        : await again(before).catch(unless(404, create));
    // A count that is dropped here is read again from the Event of that name.
    if (this.#counts.size > 1000) this.#counts.clear();
    this.#counts.set(name, count);
  }
}

/** Whether the server has refused this Event and would refuse it again. */
function isFinal(error: unknown): boolean {
  return error instanceof ApiStatusError && [400, 403, 404, 409, 413, 422].includes(error.status);
}

/** Handles an answer with one status; any other error is thrown on. */
function unless<T>(status: number, otherwise: () => Promise<T>): (error: unknown) => Promise<T> {
  return error => {
    if (error instanceof ApiStatusError && error.status === status) return otherwise();
    throw error;
  };
}

function countOf(event: unknown): number {
  return Number((event as { series?: { count?: unknown } | null } | null)?.series?.count) || 1;
}

/** At most 253 characters, of which the pod's own name may need all (RFC 1123). */
function eventName({ name, uid, reason, message }: PodWarning): string {
  const hash = createHash('sha256').update(`${uid} ${reason} ${message}`).digest('hex').slice(0, 16);
  return `${name.slice(0, 236).replace(/[-.]+$/, '')}.${hash}`;
}

function newEvent(
  { namespace, name: podName, uid, reason, message }: PodWarning,
  { name, nodeName, now }: { name: string; nodeName: string; now: string },
) {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name: podName, uid },
    type: 'Warning',
    reason,
    action: 'Announcing',
    note: message,
    eventTime: now,
    reportingController: controller,
    reportingInstance: nodeName.slice(0, longestInstance),
  };
}
