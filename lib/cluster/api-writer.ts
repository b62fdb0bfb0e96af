/** Writes to the Kubernetes API for what reports to it: each write has a deadline, a failure is logged once. */
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import { ApiStatusError } from '../sources/kubernetes/api-answer.ts';
import type { KubernetesClient } from '../sources/kubernetes/kubernetes-client.ts';

/** What is needed of the client. */
export type WritingClient = Pick<KubernetesClient, 'write'>;

export interface ApiWriterOptions {
  client: WritingClient;
  log: Log;
  /** What to do about a failure, for the log. */
  remedy: string;
}

/** Milliseconds for the whole answer. */
const answerMs = 10_000;

export class ApiWriter {
  readonly #options: ApiWriterOptions;
  readonly #failure = new RepeatedFailure();

  constructor(options: ApiWriterOptions) {
    this.#options = options;
  }

  /** @returns the object as the server has it now @throws as `KubernetesClient.write` */
  create(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    return this.#write(path, { method: 'POST', body }, signal);
  }

  /** A merge patch (RFC 7386). @returns the object as the server has it now @throws as `KubernetesClient.write` */
  patch(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    return this.#write(path, { method: 'PATCH', type: 'application/merge-patch+json', body }, signal);
  }

  /**
   * One line when writes begin to fail, or fail in another way.
   * @param what could not be written, such as `the status of AnycastPool dns`
   */
  reportFailure(what: string, error: Error): void {
    const { log, remedy } = this.#options;
    const kind = error instanceof ApiStatusError ? String(error.status) : error.message;
    if (!this.#failure.isNew(kind)) return;
    log.warn({ remedy }, `kubernetes: can not write ${what}: ${error.message}`);
  }

  async #write(
    path: string,
    write: Parameters<WritingClient['write']>[1],
    signal: AbortSignal,
  ): Promise<unknown> {
    const answer = await this.#options.client.write(path, write, answerMs, signal);
    this.#failure.end();
    return answer;
  }
}
