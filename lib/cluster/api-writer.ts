/** Writes to the Kubernetes API for what reports to it: each write has a deadline, a failure is not logged each time. */
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import { apiFailureOf, reportAgainMs } from '../sources/kubernetes/api-failure.ts';
import type { KubernetesClient } from '../sources/kubernetes/kubernetes-client.ts';

/** What is needed of the client. */
export type WritingClient = Pick<KubernetesClient, 'write' | 'url'>;

export interface ApiWriterOptions {
  client: WritingClient;
  log: Log;
  /** What the user must be allowed to do, such as `patch nodeconfigs/status`. */
  right: string;
}

/** Milliseconds for the whole answer. */
const answerMs = 10_000;

export class ApiWriter {
  readonly #options: ApiWriterOptions;
  readonly #failure = new RepeatedFailure(reportAgainMs);

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
   * One line when writes begin to fail, or fail in another way, and again while that stands.
   * @param what could not be written, such as `the status of AnycastPool dns`
   */
  reportFailure(what: string, error: Error): void {
    const { client, log, right } = this.#options;
    const { code, kind, reason, remedy } = apiFailureOf(error, {
      server: client.url.origin,
      right,
      unknown: 'it may have been deleted meanwhile; if it is there, install the custom resource definitions',
    });
    if (!this.#failure.isNew(kind)) return;
    log.warn({ code, remedy }, `kubernetes: can not write ${what}: ${reason}`);
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
