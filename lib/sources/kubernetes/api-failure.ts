/** What kind of failure of a request to the API server an error is, and what to do about it. */
import { type ErrorCode, FlockError } from '../../base/errors.ts';
import { ApiStatusError } from './api-answer.ts';

export interface ApiFailure {
  code: ErrorCode;
  /** What makes two failures the same. */
  kind: string;
  reason: string;
  remedy: string;
}

export interface ApiRequestKind {
  /** The server's origin, such as `https://10.0.0.1:6443`. */
  server: string;
  /** What the user must be allowed to do, such as `list and watch the pods of node-a`. */
  right: string;
  /** What to do where the server does not know what is asked for (404). */
  unknown: string;
}

/** A failure that stands is reported again after this many milliseconds. */
export const reportAgainMs = 600_000;

export function apiFailureOf(error: unknown, { server, right, unknown }: ApiRequestKind): ApiFailure {
  if (error instanceof ApiStatusError) {
    const told = { code: 'FLOCK_KUBERNETES_REFUSED', reason: error.message } as const;
    const { status } = error;
    if (status === 401) {
      const remedy = 'renew the token or certificate of the kubeconfig; it is read again when it changes';
      return { ...told, kind: 'unauthenticated', remedy };
    }
    if (status === 403) return { ...told, kind: 'forbidden', remedy: `allow this user to ${right} (RBAC)` };
    if (status === 404) return { ...told, kind: 'unknown', remedy: unknown };
    if ([400, 413, 415, 422].includes(status)) {
      const remedy =
        'apply the custom resource definitions of this version (deploy/base/crds); if it stays, report it: ' +
        'the server finds invalid what was sent';
      return { ...told, kind: `invalid ${status}`, remedy };
    }
    const remedy = `look after ${server}: it answers with an error; it is tried until it succeeds`;
    return { ...told, kind: `error ${status}`, remedy };
  }
  const reason = reasonOf(error);
  if (error instanceof FlockError) {
    // A plugin's own words may differ at each run.
    const kind = error.code === 'FLOCK_CREDENTIALS_UNAVAILABLE' ? `${error.code} ${error.value}` : reason;
    return { code: error.code, kind, reason, remedy: error.remedy ?? 'it is tried again' };
  }
  const code = 'FLOCK_KUBERNETES_UNREACHABLE';
  if (/CERT|SELF_SIGNED|TLS|SSL/.test((error as NodeJS.ErrnoException).code ?? '')) {
    return { code, kind: 'untrusted', reason, remedy: 'correct certificate-authority in the kubeconfig' };
  }
  const remedy = `make ${server} reachable from this node; it is tried until it answers`;
  return { code, kind: 'unreachable', reason, remedy };
}

/** An error of several attempts (both families of a host name) has no message of its own. */
function reasonOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  // Node's message is "aborted", as if this program had ended the connection.
  if (code === 'ECONNRESET') return 'the connection was cut';
  return message || errors?.map(each => each.message).join(', ') || code || String(error);
}
