/**
 * Keeps BIRD running what we render: rendered, checked by BIRD, written, configured, and followed until applied.
 *
 * What can go wrong, and what then holds:
 * - BIRD refuses the text: the file and what runs stay, the outcome says why, the next `apply` tries again.
 * - Nothing listens: nobody can check. The file is still written when there is none or when it is ours, so that
 *   a starting BIRD announces no address from before its stop; a file of somebody else waits for BIRD's check.
 * - BIRD restarts: the kept connection ends. What runs is then unknown, and configured again on the next.
 * - BIRD hangs, or dies in the middle of a `configure`: unknown as well; the same cure.
 */
import { isAbsolute } from 'node:path';
import type { Destination } from '../base/address.ts';
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { ConfigFile, isSameFile } from './config-file.ts';
import { configure } from './configure.ts';
import { BirdControl, nothingListens } from './control.ts';
import { type BirdMode, birdModeOf } from './mode.ts';
import { readPasswords } from './passwords.ts';
import { announcedIn, type BirdRoutes, renderBirdConfig, renderedMark } from './render.ts';
import { type Reply, replyCode } from './reply.ts';

export interface BirdManagerOptions {
  /** Unless the node config says another. */
  mode: BirdMode;
  /** BIRD's `-c`. */
  configPath: string;
  /** BIRD's `-s`. */
  socketPath: string;
  routes: BirdRoutes;
  kernelExport: boolean;
  /** Why BIRD can learn none of our routes here; undefined when it can. Learn mode is then refused. */
  whyBlind?: () => FlockError | undefined;
  log: Log;
  /** How long BIRD may take for one reply, in milliseconds. */
  timeoutMs?: number;
}

export interface BirdInput {
  /** Undefined until one was ever loaded: BIRD is then left alone. */
  nodeConfig: NodeConfig | undefined;
  /** What is to be announced; learn mode does not look at it. */
  active: Iterable<Destination>;
  /** What our routes had under former configurations, while they are moved. */
  formerRoutes?: readonly BirdRoutes[];
}

export interface BirdOutcome {
  /** `unchanged`: it already ran. `refused`: by BIRD, or by us before it was asked. */
  state: 'idle' | 'unchanged' | 'applied' | 'unreachable' | 'refused';
  /**
   * What BIRD announces by its configuration as far as it said; while a change is not confirmed the old set and
   * the new. Empty when nothing listens, and in learn mode, where the kernel's routes say it.
   */
  announced: ReadonlySet<Destination>;
  error?: FlockError;
}

export interface BirdStatus {
  connected: boolean;
  /** Such as `2.0.12`; undefined while not connected. */
  version: string | undefined;
  /** Whether what was asked last is known to run. */
  applied: boolean;
  lastError: FlockError | undefined;
}

const nothing: ReadonlySet<Destination> = new Set();

export class BirdManager {
  readonly #options: BirdManagerOptions;
  readonly #file: ConfigFile;
  readonly #log: Log;
  readonly #closed = new AbortController();
  #control: BirdControl | undefined;
  /** The text that the BIRD at the other end of `#control` is known to run. */
  #running: string | undefined;
  /** Undefined until we know better than the file that BIRD was left with. */
  #announced: ReadonlySet<Destination> | undefined;
  #lastError: FlockError | undefined;
  #newest: BirdInput = { nodeConfig: undefined, active: [] };
  #current: Promise<BirdOutcome> | undefined;
  #next: Promise<BirdOutcome> | undefined;

  /** @throws FlockError FLOCK_CONFIG_INVALID for a `configPath` that can not be told to BIRD */
  constructor(options: BirdManagerOptions) {
    this.#options = options;
    this.#file = new ConfigFile(options.configPath);
    this.#log = options.log;
  }

  /**
   * @returns the configuration for this node, password files read
   * @throws FlockError FLOCK_NODE_CONFIG_INVALID
   */
  render(
    nodeConfig: NodeConfig,
    active: Iterable<Destination>,
    formerRoutes: readonly BirdRoutes[] = [],
  ): string {
    const { routes, kernelExport } = this.#options;
    return renderBirdConfig({
      nodeConfig,
      mode: this.modeOf(nodeConfig),
      routes,
      formerRoutes,
      kernelExport,
      active,
      passwords: readPasswords(nodeConfig),
    });
  }

  /**
   * Makes BIRD run this. One at a time; calls made meanwhile become one, with the newest input. When it is what
   * runs already and the connection stands, nothing is written and BIRD is not called.
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

  /** The mode that BIRD has to have under a node config; undefined stands for none. */
  modeOf(nodeConfig: NodeConfig | undefined): BirdMode {
    return birdModeOf(nodeConfig, this.#options.mode);
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
   * Asks BIRD something, while it is known to run what was asked last.
   * @returns its reply; undefined when it does not run that, does not answer, or refuses
   */
  async query(command: string): Promise<Reply | undefined> {
    if (!this.status().applied) return undefined;
    return this.#control?.command(command).catch(() => undefined);
  }

  /** Lets go of BIRD, which runs on as it is. */
  close(): void {
    this.#closed.abort();
  }

  async #pass({ nodeConfig, active, formerRoutes }: BirdInput): Promise<BirdOutcome> {
    if (nodeConfig === undefined) return { state: 'idle', announced: nothing };
    try {
      this.#announced ??= announcedIn((await this.#file.read()) ?? '');
      const mode = this.modeOf(nodeConfig);
      const blind = mode === 'learn' ? this.#options.whyBlind?.() : undefined;
      if (blind !== undefined) throw blind;
      const text = this.render(nodeConfig, active, formerRoutes);
      const announced = mode === 'filter' ? new Set(active) : nothing;
      const state = await this.#bring(text, announced);
      this.#report(undefined);
      return { state, announced: this.#announced ?? nothing };
    } catch (thrown) {
      const error = asFlockError(thrown);
      this.#report(error);
      const state = error.code === 'FLOCK_BIRD_UNREACHABLE' ? 'unreachable' : 'refused';
      return { state, announced: this.#announced ?? nothing, error };
    }
  }

  async #bring(text: string, announced: ReadonlySet<Destination>): Promise<'unchanged' | 'applied'> {
    const control = await this.#connection(text);
    if (this.#running === text) return 'unchanged';
    if ((await this.#file.read()) !== text) await this.#replaceFile(control, text);
    // From here until the answer nobody knows which of the two runs.
    this.#running = undefined;
    this.#announced = new Set([...(this.#announced ?? nothing), ...announced]);
    await configure(control);
    this.#running = text;
    this.#announced = announced;
    this.#log.info({ path: this.#file.path }, 'BIRD runs a new configuration');
    return 'applied';
  }

  async #connection(text: string): Promise<BirdControl> {
    if (this.#control?.connected === true) return this.#control;
    this.#running = undefined;
    try {
      const { socketPath, timeoutMs } = this.#options;
      this.#control = await BirdControl.open(socketPath, {
        signal: this.#closed.signal,
        ...(timeoutMs !== undefined && { timeoutMs }),
      });
    } catch (error) {
      if (nothingListens(error)) await this.#prepareForStart(text);
      throw error;
    }
    await this.#refuseOtherFile(this.#control);
    return this.#control;
  }

  /** Where `configure` will look is BIRD's choice (`-c`): writing another file would be in vain, and silent. */
  async #refuseOtherFile(control: BirdControl): Promise<void> {
    const reply = await control.ask('configure check');
    const line = reply.lines.find(({ code }) => code === replyCode.readingConfiguration);
    const read = line?.text.replace(/^Reading configuration from /, '') ?? '';
    if (!isAbsolute(read) || (await isSameFile(read, this.#file.path))) return;
    control.close();
    throw new FlockError('FLOCK_BIRD_REFUSED', `BIRD reads ${read}, and bird.config is ${this.#file.path}`, {
      value: read,
      remedy: 'make bird.config the path that BIRD was started with (-c)',
    });
  }

  async #prepareForStart(text: string): Promise<void> {
    this.#announced = nothing;
    const found = await this.#file.read();
    if (found === text || (found !== undefined && !found.startsWith(renderedMark))) return;
    await this.#file.stage(text);
    await this.#file.commit();
    this.#log.info({ path: this.#file.path }, 'wrote the configuration for a BIRD that is not running');
  }

  async #replaceFile(control: BirdControl, text: string): Promise<void> {
    await this.#file.stage(text);
    try {
      await control.command(`configure check "${this.#file.stagedPath}"`);
    } catch (error) {
      await this.#file.discard();
      throw error;
    }
    await this.#file.commit();
  }

  /** One line when something is wrong, another when it is something else, one when it is right again. */
  #report(error: FlockError | undefined): void {
    if (error !== undefined && error.message !== this.#lastError?.message) {
      this.#log.warn({ code: error.code, remedy: error.remedy }, error.message);
    }
    if (error === undefined && this.#lastError !== undefined)
      this.#log.info('BIRD is reached again and configured');
    this.#lastError = error;
  }
}

function asFlockError(thrown: unknown): FlockError {
  if (thrown instanceof FlockError) return thrown;
  return new FlockError('FLOCK_BIRD_UNREACHABLE', `talking to BIRD failed: ${(thrown as Error).message}`, {
    remedy: 'it is tried again; the cause is a defect of this program, please report it',
    cause: thrown,
  });
}
