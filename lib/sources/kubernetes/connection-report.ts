/** Reports when a list-watch loses the API server, while that stands, and when it is connected again. */
import type { Log } from '../../base/log.ts';
import { RepeatedFailure } from '../../base/repeated-failure.ts';
import { apiFailureOf, reportAgainMs } from './api-failure.ts';

export interface ConnectionReportOptions {
  /** The server as the kubeconfig names it now. */
  server: { readonly url: URL };
  /** What is followed, such as `the pods of node-a`. */
  what: string;
  log: Log;
}

export class ConnectionReport {
  readonly #options: ConnectionReportOptions;
  readonly #failure = new RepeatedFailure(reportAgainMs);
  #lostSince: number | undefined;
  #connectedOnce = false;

  constructor(options: ConnectionReportOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#connectedOnce && this.#lostSince === undefined;
  }

  connected(): void {
    const { what, log } = this.#options;
    const server = this.#options.server.url.origin;
    if (this.#lostSince !== undefined) {
      const seconds = ((performance.now() - this.#lostSince) / 1000).toFixed(1);
      log.info(`kubernetes: connected to ${server} again after ${seconds} s`);
    } else if (!this.#connectedOnce) log.info(`kubernetes: following ${what} at ${server}`);
    this.#failure.end();
    this.#lostSince = undefined;
    this.#connectedOnce = true;
  }

  /** Another line before it is connected again only if the loss turns out to be of another kind, or stands long. */
  lost(error: unknown): void {
    const { what, log } = this.#options;
    const server = this.#options.server.url.origin;
    this.#lostSince ??= performance.now();
    const { code, kind, reason, remedy } = apiFailureOf(error, {
      server,
      right: `list and watch ${what}`,
      unknown: `install the custom resource definitions: the API server does not know ${what}`,
    });
    if (!this.#failure.isNew(kind)) return;
    log.warn(
      { code, server, remedy },
      `kubernetes: can not follow ${what}: ${reason}; retrying, the last known state stays in force`,
    );
  }
}
