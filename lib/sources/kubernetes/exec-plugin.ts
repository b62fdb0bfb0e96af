/**
 * A program that gives credentials (client-go credential plugins, KEP 541): one run at a time for all who wait, each
 * run with a time-out. It runs again when its credentials expire or the server refuses them. Runs that give nothing
 * that the server accepts are spaced by pauses that grow.
 *
 * client-node's ExecAuth has none of that: a run for each who asks, without an end, and what it gave without an
 * expiry is used for ever.
 */
import { z } from 'zod';
import { describeIssues } from '../../base/describe-issues.ts';
import { FlockError } from '../../base/errors.ts';
import { shortened } from '../../base/quoted.ts';
import { runProgram } from './exec-process.ts';
import type { Exec } from './kubeconfig-schema.ts';

export interface ExecPluginOptions {
  exec: Exec;
  /** The cluster as the plugin is to know it, where the kubeconfig asks for that. */
  cluster?: Record<string, unknown> | undefined;
  /** Milliseconds that a run may take. */
  timeoutMs?: number;
  /** The pause after a run, in milliseconds; it doubles with each further one until the server accepts. */
  firstPauseMs?: number;
  longestPauseMs?: number;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
}

export interface ExecCredential {
  token?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** Milliseconds since 1970; without it the credential is used until the server refuses it. */
  expiresAt?: number | undefined;
}

const optionalText = z
  .string()
  .nullish()
  .transform(text => text || undefined);

const answerSchema = z.object({
  kind: z.literal('ExecCredential').optional(),
  apiVersion: z.string().optional(),
  status: z.object({
    token: optionalText,
    clientCertificateData: optionalText,
    clientKeyData: optionalText,
    expirationTimestamp: optionalText,
  }),
});

/** One run of the program, and how many wait for it. */
interface Run {
  promise: Promise<ExecCredential>;
  waiting: number;
  stop: AbortController;
}

export class ExecPlugin {
  readonly #options: ExecPluginOptions;
  readonly #now: () => number;
  #credential: ExecCredential | undefined;
  #isRefused = false;
  #failure: FlockError | undefined;
  #run: Run | undefined;
  /** Runs since the server accepted a credential. */
  #fruitless = 0;
  #notBefore = 0;

  constructor(options: ExecPluginOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * @param signal ends the waiting; the program is ended when nobody waits for it any more
   * @throws FlockError FLOCK_CREDENTIALS_UNAVAILABLE, or the signal's reason
   */
  async credential(signal: AbortSignal): Promise<ExecCredential> {
    signal.throwIfAborted();
    if (this.#run === undefined) {
      const known = this.#credential;
      const isValid = known !== undefined && (known.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now();
      if (isValid && !this.#isRefused) return known;
      if (this.#now() < this.#notBefore) {
        // The server may accept again what it has refused, and its clock may differ.
        if (known !== undefined && (isValid || this.#failure === undefined)) return known;
        if (this.#failure) throw this.#failure;
      }
      this.#run = this.#begin();
    }
    return join(this.#run, signal);
  }

  /** The server refused this credential (401): the program is asked again, after the pause that is due. */
  refused(credential: ExecCredential): void {
    if (credential === this.#credential) this.#isRefused = true;
  }

  /** The server accepted this credential. */
  accepted(credential: ExecCredential): void {
    if (credential !== this.#credential || this.#fruitless === 0) return;
    this.#isRefused = false;
    this.#fruitless = 0;
    this.#notBefore = Math.min(this.#notBefore, this.#now() + this.#pauseMs());
  }

  /** Ends a run; who waits for it is told so. */
  end(): void {
    this.#run?.stop.abort();
  }

  #begin(): Run {
    const stop = new AbortController();
    const run = { promise: this.#ask(stop.signal), waiting: 0, stop };
    run.promise
      .then(
        credential => {
          this.#credential = credential;
          this.#isRefused = false;
          this.#failure = undefined;
        },
        error => {
          this.#failure = error;
        },
      )
      .finally(() => {
        this.#run = undefined;
        this.#notBefore = this.#now() + this.#pauseMs();
        this.#fruitless++;
      });
    return run;
  }

  #pauseMs(): number {
    const { firstPauseMs = 1000, longestPauseMs = 60_000 } = this.#options;
    return Math.min(firstPauseMs * 2 ** this.#fruitless, longestPauseMs);
  }

  async #ask(signal: AbortSignal): Promise<ExecCredential> {
    const { exec, cluster, timeoutMs = 30_000 } = this.#options;
    const { command, args = [], env = [], apiVersion, installHint } = exec;
    const spec = { interactive: false, ...(cluster && { cluster }) };
    const environment = {
      ...process.env,
      ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind: 'ExecCredential', spec }),
    };
    try {
      return credentialOf(
        await runProgram(command, args, { env: environment, timeoutMs, signal }),
        apiVersion,
      );
    } catch (cause) {
      const { message, code } = cause as NodeJS.ErrnoException;
      const hint = installHint ? `: ${shortened(installHint.trim(), 1000)}` : '';
      const remedy =
        code === 'ENOENT'
          ? `install ${command}, or name it by its path${hint}`
          : `run ${command} by hand on this node, as the user of the agent, and see what it says`;
      throw new FlockError('FLOCK_CREDENTIALS_UNAVAILABLE', `the exec plugin ${command}: ${message}`, {
        value: command,
        remedy,
        cause,
      });
    }
  }
}

/** @param signal ends the waiting; the run is ended when nobody waits for it any more */
async function join(run: Run, signal: AbortSignal): Promise<ExecCredential> {
  run.waiting++;
  const { promise, resolve, reject } = Promise.withResolvers<ExecCredential>();
  const leave = () => reject(signal.reason);
  signal.addEventListener('abort', leave);
  run.promise.then(resolve, reject);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', leave);
    if (--run.waiting === 0) run.stop.abort();
  }
}

function credentialOf(output: string, apiVersion: string): ExecCredential {
  let parsed: unknown;
  try {
    parsed = JSON.parse(output);
  } catch {
    throw new Error('its output is not JSON');
  }
  const { data, error } = answerSchema.safeParse(parsed);
  if (error) throw new Error(`its output is no ExecCredential: ${describeIssues(error)}`);
  if (data.apiVersion !== undefined && data.apiVersion !== apiVersion) {
    throw new Error(`it answers in ${shortened(data.apiVersion)}, the kubeconfig names ${apiVersion}`);
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = data.status;
  if (token === undefined && cert === undefined)
    throw new Error('it gives neither a token nor a certificate');
  if ((cert === undefined) !== (key === undefined)) throw new Error('it gives a certificate or a key alone');
  const expiresAt = expirationTimestamp === undefined ? undefined : Date.parse(expirationTimestamp);
  if (Number.isNaN(expiresAt)) throw new Error('its expirationTimestamp is not a time');
  return { token, cert, key, expiresAt };
}
