/** Reports when a list-watch loses the API server, and when it is connected again: one line each. */
import type { ErrorCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { ApiStatusError } from './api-answer.ts';

export interface ConnectionReportOptions {
  /** The server's origin, such as `https://10.0.0.1:6443`. */
  server: string;
  /** What is followed, such as `the pods of node-a`. */
  what: string;
  log: Log;
}

export class ConnectionReport {
  readonly #options: ConnectionReportOptions;
  #lost: { kind: string; since: number } | undefined;
  #connectedOnce = false;

  constructor(options: ConnectionReportOptions) {
    this.#options = options;
  }

  connected(): void {
    const { server, what, log } = this.#options;
    if (this.#lost) {
      const seconds = ((performance.now() - this.#lost.since) / 1000).toFixed(1);
      log.info(`kubernetes: connected to ${server} again after ${seconds} s`);
    } else if (!this.#connectedOnce) log.info(`kubernetes: following ${what} at ${server}`);
    this.#lost = undefined;
    this.#connectedOnce = true;
  }

  /** Another line before it is connected again only if the loss turns out to be of another kind. */
  lost(error: unknown): void {
    const { server, what, log } = this.#options;
    const { kind, remedy } = diagnose(error, server, what);
    if (this.#lost?.kind === kind) return;
    const reason = messageOf(error);
    const code: ErrorCode = 'FLOCK_KUBERNETES_UNREACHABLE';
    log.warn(
      { code, server, remedy },
      `kubernetes: can not follow ${what}: ${reason}; retrying, the last known state stays in force`,
    );
    this.#lost = { kind, since: this.#lost?.since ?? performance.now() };
  }
}

/** What kind of failure an error is, and what to do about it. */
function diagnose(error: unknown, server: string, what: string): { kind: string; remedy: string } {
  switch (error instanceof ApiStatusError ? error.status : undefined) {
    case 401:
      return { kind: 'unauthenticated', remedy: 'renew the token or certificate of the kubeconfig' };
    case 403:
      return { kind: 'forbidden', remedy: `allow this user to list and watch ${what} (RBAC)` };
    case 404: {
      const remedy = `install the custom resource definitions: the API server does not know ${what}`;
      return { kind: 'unknown', remedy };
    }
  }
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/CERT|SELF_SIGNED|TLS|SSL/.test(code)) {
    return { kind: 'untrusted', remedy: 'correct certificate-authority in the kubeconfig' };
  }
  return {
    kind: 'unreachable',
    remedy: `make ${server} reachable from this node; it is tried until it answers`,
  };
}

/** An error of several attempts (both families of a host name) has no message of its own. */
function messageOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  // Node's message is "aborted", as if this program had ended the connection.
  if (code === 'ECONNRESET') return 'the connection was cut';
  return message || errors?.map(each => each.message).join(', ') || code || String(error);
}
