/**
 * Keeps BIRD running the configuration that we render: renders it, lets BIRD check it, writes it, lets BIRD read it,
 * and waits until BIRD has applied it.
 *
 * What happens on errors:
 * - BIRD refuses the text: the file and BIRD's running configuration stay, the outcome has the error, and the next
 *   `apply` tries again.
 * - BIRD does not run: it can not check the text. The file is still written when there is none or when it is ours.
 *   Another owner's file is replaced only after BIRD's check.
 * - BIRD restarts: the connection closes. It announces no active set until the next `apply` configures it again.
 * - Somebody else has BIRD read its file again, which has no active set: `isOutOfStep` finds out.
 * - BIRD hangs, or ends during a `configure`: handled like a restart.
 */
import { isAbsolute } from 'node:path';
import type { Destination } from '../base/address.ts';
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { isSameFile } from './config-file.ts';
import { BirdConfigFiles, type BirdTexts } from './config-files.ts';
import { ConfigTexts, type ConfigTextsOptions } from './config-texts.ts';
import { configure, lastReconfiguration } from './configure.ts';
import { answers, BirdControl, nothingListens } from './control.ts';
import type { BirdMode } from './mode.ts';
import type { BirdRoutes } from './render.ts';
import { type Reply, replyCode } from './reply.ts';
import { takenFor } from './versions.ts';

/** Which BIRD, and what is the same in each configuration of it. */
export interface BirdManagerOptions extends ConfigTextsOptions {
  /** BIRD's `-c`. */
  configPath: string;
  /** BIRD's `-s`. */
  socketPath: string;
  log: Log;
  /** How long BIRD may take for one reply, in milliseconds. */
  timeoutMs?: number;
}

/** What BIRD is to run from now on. */
export interface BirdInput {
  /** Undefined until one was loaded: BIRD's configuration then stays as it is. */
  nodeConfig: NodeConfig | undefined;
  /** What to announce in filter mode; learn mode ignores it. */
  active: Iterable<Destination>;
  /** Tables, metrics and protocol numbers of former configurations, while their routes are moved. */
  formerRoutes?: readonly BirdRoutes[];
}

/** What became of one `apply`. */
export interface BirdOutcome {
  /** `unchanged`: BIRD ran it already. `refused`: by BIRD, or by our own checks before. */
  state: 'idle' | 'unchanged' | 'applied' | 'unreachable' | 'refused';
  /**
   * What BIRD announces by its configuration; until BIRD has confirmed a change, the old set and the new one.
   * Empty when BIRD does not run, and in learn mode, where the kernel's routes decide.
   */
  announced: ReadonlySet<Destination>;
  error?: FlockError;
}

/** What is known of BIRD now. */
export interface BirdStatus {
  connected: boolean;
  /** Such as `2.0.12`; undefined while not connected. */
  version: string | undefined;
  /** Whether BIRD is known to run the configuration that was applied last. */
  applied: boolean;
  lastError: FlockError | undefined;
}

/** Attempts to reach a BIRD, after which its version counts as unknown. */
const longestAbsence = 15;

const nothing: ReadonlySet<Destination> = new Set();

/** One BIRD, by its configuration file and its control socket. */
export class BirdManager {
  readonly #options: BirdManagerOptions;
  readonly #texts: ConfigTexts;
  readonly #files: BirdConfigFiles;
  readonly #log: Log;
  readonly #closed = new AbortController();
  #control: BirdControl | undefined;
  /** The text that the BIRD behind `#control` is known to run. */
  #running: string | undefined;
  /** What BIRD said of its last reconfiguration when it ran `#running`; another one was not ours. */
  #configuredAt: string | undefined;
  /** As in `BirdOutcome`. Undefined until the file of a former run was read. */
  #announced: ReadonlySet<Destination> | undefined;
  /**
   * Of the BIRD that answered last, a former run included: a BIRD that starts with what is right for it need not
   * restart its protocols, which drops their routes. Forgotten when none has come for long: the next one may be older.
   */
  #version: string | undefined;
  #absences = 0;
  /** The untested version that was logged. */
  #saidOf: string | undefined;
  #lastError: FlockError | undefined;
  #newest: BirdInput = { nodeConfig: undefined, active: [] };
  #current: Promise<BirdOutcome> | undefined;
  #next: Promise<BirdOutcome> | undefined;

  /** @throws FlockError FLOCK_CONFIG_INVALID for a `configPath` that BIRD's command line can not express */
  constructor(options: BirdManagerOptions) {
    this.#options = options;
    this.#texts = new ConfigTexts(options);
    this.#files = new BirdConfigFiles(options.configPath);
    this.#log = options.log;
  }

  /**
   * Reads the password files.
   * @returns BIRD's configuration for this node
   * @throws FlockError FLOCK_NODE_CONFIG_INVALID
   */
  render(
    nodeConfig: NodeConfig,
    active: Iterable<Destination>,
    formerRoutes: readonly BirdRoutes[] = [],
  ): string {
    return this.#texts.render({ nodeConfig, active, formerRoutes, birdVersion: this.#version });
  }

  /**
   * Makes BIRD run the configuration of this input. One at a time: calls made meanwhile become one, with the newest
   * input. When BIRD runs it already and the connection is open, nothing is written and nothing is sent to BIRD.
   * Never rejects: the outcome has the error.
   */
  apply(input: BirdInput): Promise<BirdOutcome> {
    this.#newest = { ...input, active: [...input.active] };
    this.#next ??= (this.#current ?? Promise.resolve()).then(async () => {
      this.#current = this.#next;
      this.#next = undefined;
      return this.#pass(this.#newest);
    });
    return this.#next;
  }

  /** @param nodeConfig undefined when there is none */
  modeOf(nodeConfig: NodeConfig | undefined): BirdMode {
    return this.#texts.modeOf(nodeConfig);
  }

  status(): BirdStatus {
    const connected = this.#control?.connected === true;
    return {
      connected,
      version: connected ? this.#control?.version : undefined,
      applied: connected && this.#running !== undefined && this.#lastError === undefined,
      lastError: this.#lastError,
    };
  }

  /**
   * Sends BIRD a command if BIRD is known to run the configuration that was applied last.
   * @returns the reply; undefined when BIRD does not run that configuration, does not answer, or refuses
   */
  async query(command: string): Promise<Reply | undefined> {
    if (!this.status().applied) return undefined;
    return this.#control?.command(command).catch(() => undefined);
  }

  /**
   * Whether BIRD has to be configured though nothing of ours has changed: it has come (back), or somebody had it read
   * its file again. An error that another try does not change is left to the next `apply`.
   */
  async isOutOfStep(): Promise<boolean> {
    const control = this.#control;
    const running = this.#running;
    const error = this.#lastError;
    if (control?.connected !== true) {
      const isAbsent = error === undefined || error.code === 'FLOCK_BIRD_UNREACHABLE';
      const { socketPath, timeoutMs } = this.#options;
      return isAbsent && this.#newest.nodeConfig !== undefined && (await answers(socketPath, timeoutMs));
    }
    if (running === undefined || error !== undefined) return false;
    const at = await lastReconfiguration(control).catch(() => undefined);
    if (at === undefined || at === this.#configuredAt || this.#running !== running) return false;
    this.#running = undefined;
    return true;
  }

  /** Closes the connection; BIRD keeps running as it is. */
  close(): void {
    this.#closed.abort();
  }

  async #pass({ nodeConfig, active, formerRoutes }: BirdInput): Promise<BirdOutcome> {
    if (nodeConfig === undefined) return { state: 'idle', announced: nothing };
    try {
      if (this.#announced === undefined) {
        this.#announced = await this.#files.announced();
        this.#version = await this.#files.version();
      }
      const announced = this.#texts.announced(nodeConfig, active);
      const texts = (birdVersion: string | undefined) =>
        this.#texts.texts({ nodeConfig, active: announced, formerRoutes, birdVersion });
      const state = await this.#bring(texts, announced);
      this.#report(undefined);
      return { state, announced: this.#announced ?? nothing };
    } catch (thrown) {
      const error = asFlockError(thrown);
      this.#report(error);
      const state = error.code === 'FLOCK_BIRD_UNREACHABLE' ? 'unreachable' : 'refused';
      return { state, announced: this.#announced ?? nothing, error };
    }
  }

  async #bring(
    textsFor: (birdVersion: string | undefined) => BirdTexts,
    announced: ReadonlySet<Destination>,
  ): Promise<'unchanged' | 'applied'> {
    let texts = textsFor(this.#version);
    const control = await this.#connection(texts);
    this.#absences = 0;
    this.#sayIfUntested(control.version);
    if (this.#version !== control.version) texts = textsFor(control.version);
    this.#version = control.version;
    if (this.#running === texts.running) return 'unchanged';
    const path = await this.#files.replace(control, texts);
    // Until BIRD has confirmed, it may run the old configuration or the new one.
    this.#running = undefined;
    this.#announced = new Set([...(this.#announced ?? nothing), ...announced]);
    await configure(control, path);
    this.#configuredAt = await lastReconfiguration(control);
    this.#running = texts.running;
    this.#announced = announced;
    await this.#files.settle(texts);
    this.#log.info({ path: path ?? this.#files.path }, 'BIRD runs a new configuration');
    return 'applied';
  }

  async #connection(texts: BirdTexts): Promise<BirdControl> {
    if (this.#control?.connected === true) return this.#control;
    this.#running = undefined;
    try {
      const { socketPath, timeoutMs } = this.#options;
      this.#control = await BirdControl.open(socketPath, {
        signal: this.#closed.signal,
        ...(timeoutMs !== undefined && { timeoutMs }),
      });
    } catch (error) {
      if (nothingListens(error)) await this.#prepareForStart(texts);
      throw error;
    }
    await this.#refuseOtherFile(this.#control);
    return this.#control;
  }

  /** `configure` reads the file that BIRD was started with (`-c`): writing another file would have no effect. */
  async #refuseOtherFile(control: BirdControl): Promise<void> {
    const reply = await control.ask('configure check');
    const line = reply.lines.find(({ code }) => code === replyCode.readingConfiguration);
    const read = line?.text.replace(/^Reading configuration from /, '') ?? '';
    if (!isAbsolute(read) || (await isSameFile(read, this.#files.path))) return;
    control.close();
    throw new FlockError('FLOCK_BIRD_REFUSED', `BIRD reads ${read}, and bird.config is ${this.#files.path}`, {
      value: read,
      remedy: 'make bird.config the path that BIRD was started with (-c)',
    });
  }

  async #prepareForStart(texts: BirdTexts): Promise<void> {
    this.#announced = nothing;
    if (++this.#absences > longestAbsence) this.#version = undefined;
    if (await this.#files.prepareForStart(texts))
      this.#log.info({ path: this.#files.path }, 'wrote the configuration for a BIRD that is not running');
  }

  #sayIfUntested(version: string): void {
    const taken = takenFor(version);
    if (taken === undefined || version === this.#saidOf) return;
    this.#saidOf = version;
    this.#log.warn(
      { code: 'BIRD_VERSION_UNTESTED', remedy: `run BIRD ${taken}, or a newer agent` },
      `BIRD ${version} is newer than any that was tested: it is treated like ${taken}`,
    );
  }

  /** Logs one line when an error begins, one when it changes, and one when it has ended. */
  #report(error: FlockError | undefined): void {
    if (error !== undefined && error.message !== this.#lastError?.message) {
      this.#log.warn({ code: error.code, remedy: error.remedy }, error.message);
    }
    if (error === undefined && this.#lastError !== undefined)
      this.#log.info('BIRD is reachable again and runs the configuration');
    this.#lastError = error;
  }
}

function asFlockError(thrown: unknown): FlockError {
  if (thrown instanceof FlockError) return thrown;
  return new FlockError('FLOCK_BIRD_UNREACHABLE', `configuring BIRD failed: ${(thrown as Error).message}`, {
    remedy: 'please report this defect of flock-anycast; the agent tries again',
    cause: thrown,
  });
}
