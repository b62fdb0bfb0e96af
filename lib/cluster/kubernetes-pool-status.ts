/**
 * Writes into the status of each AnycastPool whether its spec is accepted. Every agent of the cluster would write
 * the same, and one write is enough: a generation that has a status is not judged again, each agent waits for a
 * random time, and the server refuses a second write because it names the version that was read.
 */
import { z } from 'zod';
import type { Log } from '../base/log.ts';
import { ApiStatusError } from '../sources/kubernetes/api-answer.ts';
import { statusPath } from '../sources/kubernetes/resource-api.ts';
import { ApiWriter, type WritingClient } from './api-writer.ts';
import { poolStatus } from './pool-status.ts';

export interface KubernetesPoolStatusOptions {
  client: WritingClient;
  log: Log;
  /** Each agent waits for a random time up to this long, in milliseconds; the first write is the only one. */
  spreadMs?: number;
}

const againMs = 60_000;

const judgedSchema = z.object({
  metadata: z.object({ name: z.string(), generation: z.int(), resourceVersion: z.string() }),
  status: z.object({ observedGeneration: z.int().nullish() }).nullish(),
});

export class KubernetesPoolStatus {
  readonly #writer: ApiWriter;
  readonly #spreadMs: number;
  readonly #stopping = new AbortController();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor({ client, log, spreadMs = 10_000 }: KubernetesPoolStatusOptions) {
    this.#writer = new ApiWriter({ client, log, right: 'patch anycastpools/status' });
    this.#spreadMs = spreadMs;
  }

  /**
   * @param pool the object as last read from the server
   * @param problem what is wrong with its spec; undefined when nothing is
   */
  judge(pool: unknown, problem: string | undefined): void {
    const { data } = judgedSchema.safeParse(pool);
    if (data === undefined) return;
    const { name, generation, resourceVersion } = data.metadata;
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    if ((data.status?.observedGeneration ?? 0) >= generation) return;
    const write = () => this.#write(name, { resourceVersion, generation, problem });
    this.#schedule(name, 0, write);
  }

  stop(): void {
    this.#stopping.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #schedule(name: string, afterMs: number, write: () => Promise<void>): void {
    const attempt = () => {
      this.#timers.delete(name);
      void write().catch(error => {
        if (this.#stopping.signal.aborted || isOvertaken(error)) return;
        this.#writer.reportFailure(`the status of AnycastPool ${name}`, error as Error);
        // Unless the pool was judged again meanwhile.
        if (!this.#timers.has(name)) this.#schedule(name, againMs, write);
      });
    };
    if (this.#stopping.signal.aborted) return;
    const timer = setTimeout(attempt, afterMs + Math.random() * this.#spreadMs);
    timer.unref();
    this.#timers.set(name, timer);
  }

  async #write(
    name: string,
    {
      resourceVersion,
      generation,
      problem,
    }: { resourceVersion: string; generation: number; problem: string | undefined },
  ): Promise<void> {
    const now = new Date().toISOString();
    const body = { metadata: { resourceVersion }, status: poolStatus(generation, problem, now) };
    await this.#writer.patch(statusPath('anycastpools', name), body, this.#stopping.signal);
  }
}

/** The pool has changed since, or is gone: its current version is read by the watch, and judged then. */
function isOvertaken(error: unknown): boolean {
  return error instanceof ApiStatusError && (error.status === 409 || error.status === 404);
}
