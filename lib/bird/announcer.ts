/**
 * Keeps BIRD's configuration in step with what the kernel announces. In learn mode BIRD learns our routes from
 * the kernel, and its configuration changes only with the node config. In filter mode the configuration contains
 * the active set, and changes with it.
 */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { Listeners } from '../base/listeners.ts';
import type { NodeConfig, NodeConfigSource } from '../config/node-config.ts';
import type { BirdManager, BirdOutcome } from './manager.ts';
import type { BirdMode } from './mode.ts';
import type { BirdRoutes } from './render.ts';

/** What an announcer connects. */
export interface BirdAnnouncerOptions {
  bird: Pick<BirdManager, 'apply' | 'isOutOfStep' | 'modeOf' | 'status'>;
  nodeConfig: Pick<NodeConfigSource, 'onChange' | 'snapshot'>;
  clock: Clock;
  /** How long to wait after a withdrawal, so that the BGP peers act on it, in milliseconds. */
  settleMs: number;
  /** Called after each attempt to configure BIRD, with the node config of that attempt. */
  onOutcome?: (outcome: BirdOutcome, nodeConfig: NodeConfig | undefined) => void;
}

/**
 * In learn mode, a pass checks that BIRD runs the right configuration only this long after the last check, in
 * milliseconds: the check renders the configuration, which costs more than the rest of an idle pass.
 */
const checkAgainMs = 1000;

/** How often a BIRD that runs is asked whether it still runs what we gave it, in milliseconds. */
const lookMs = 500;
/**
 * The same for one that does not answer. In filter mode it starts without the active set, and its peers, which kept
 * our routes while it was away, forget them when their sessions are up: it connects after 750 ms at the earliest.
 */
const lookForAbsentMs = 100;

const nothing: ReadonlySet<Destination> = new Set();

/** The `Announcer` that has BIRD follow. */
export class BirdAnnouncer {
  readonly #bird: Pick<BirdManager, 'apply' | 'isOutOfStep' | 'modeOf' | 'status'>;
  readonly #nodeConfig: Pick<NodeConfigSource, 'onChange' | 'snapshot'>;
  readonly #onOutcome: NonNullable<BirdAnnouncerOptions['onOutcome']>;
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #listeners = new Listeners();
  /** When BIRD confirmed a destination's withdrawal, in milliseconds of the clock; kept for `settleMs`. */
  readonly #withdrawnAt = new Map<Destination, number>();
  /** Undefined until BIRD was configured once: it may still announce the active set of a former run. */
  #announced: ReadonlySet<Destination> | undefined;
  /** Active sets that are being applied: BIRD has not confirmed them yet. */
  readonly #pending = new Set<ReadonlySet<Destination>>();
  #formerRoutes: readonly BirdRoutes[] = [];
  #cancelLook: () => void = () => {};
  #stopped = false;
  /** In learn mode: from what BIRD's running configuration was rendered, and when that was last checked. */
  #running: { nodeConfig: unknown; formerRoutes: unknown; at: number } | undefined;

  constructor({ bird, nodeConfig, clock, settleMs, onOutcome = () => {} }: BirdAnnouncerOptions) {
    this.#bird = bird;
    this.#nodeConfig = nodeConfig;
    nodeConfig.onChange(() => this.#listeners.notify());
    this.#clock = clock;
    this.#settleMs = settleMs;
    this.#onOutcome = onOutcome;
  }

  /** Follows BIRD itself: one that comes back, or that somebody else configured, is configured within a moment. */
  start(): void {
    const look = () => {
      this.#cancelLook = this.#clock.after(
        this.#bird.status().connected ? lookMs : lookForAbsentMs,
        async () => {
          if (await this.#bird.isOutOfStep().catch(() => false)) {
            this.#running = undefined;
            this.#listeners.notify();
          }
          if (!this.#stopped) look();
        },
      );
    };
    look();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
  }

  /** Calls `listener` when BIRD runs a new configuration, or a withdrawal has settled. @returns unsubscribes */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Makes BIRD's configuration follow the kernel. Does not wait for BIRD: the routes already forward. */
  follow(active: ReadonlySet<Destination>): void {
    if (this.#mode() === 'filter') this.#apply(new Set(active));
    else if (!this.#isUpToDate()) this.#apply(nothing);
  }

  /**
   * Makes BIRD learn the routes of former configurations too, from now on. Filter mode learns no routes.
   * @returns the outcome; undefined in filter mode
   */
  async learnAlso(formerRoutes: readonly BirdRoutes[]): Promise<BirdOutcome | undefined> {
    this.#formerRoutes = formerRoutes;
    return this.#mode() === 'filter' ? undefined : this.#apply(nothing);
  }

  /**
   * Whether BIRD no longer announces a destination, and its peers have had `settleMs` to act on the withdrawal.
   * In learn mode the route's tag decides, and the tag has changed before this is called. What BIRD announces by its
   * configuration (in filter mode, or until it has left filter mode) is withdrawn when BIRD has confirmed it.
   */
  isWithdrawn(destination: Destination): boolean {
    for (const active of this.#pending) if (active.has(destination)) return false;
    if (this.#announced === undefined) return this.#mode() === 'learn';
    if (this.#announced.has(destination)) return false;
    const since = this.#withdrawnAt.get(destination);
    return since === undefined || this.#clock.now() - since >= this.#settleMs;
  }

  #mode(): BirdMode {
    return this.#bird.modeOf(this.#nodeConfig.snapshot());
  }

  /** Learn mode: whether the inputs of BIRD's configuration are unchanged, and BIRD was checked lately. */
  #isUpToDate(): boolean {
    const running = this.#running;
    return (
      running !== undefined &&
      running.nodeConfig === this.#nodeConfig.snapshot() &&
      running.formerRoutes === this.#formerRoutes &&
      this.#clock.now() - running.at < checkAgainMs &&
      this.#bird.status().applied
    );
  }

  async #apply(active: ReadonlySet<Destination>): Promise<BirdOutcome> {
    const nodeConfig = this.#nodeConfig.snapshot();
    const formerRoutes = this.#formerRoutes;
    this.#running = undefined;
    this.#pending.add(active);
    const outcome = await this.#bird.apply({ nodeConfig, active, formerRoutes });
    this.#pending.delete(active);
    if (outcome.state === 'applied' || outcome.state === 'unchanged')
      this.#running = { nodeConfig, formerRoutes, at: this.#clock.now() };
    this.#noteWithdrawals(this.#announced ?? [], outcome.announced);
    this.#announced = outcome.announced;
    this.#onOutcome(outcome, nodeConfig);
    if (outcome.state === 'applied') this.#listeners.notify();
    return outcome;
  }

  #noteWithdrawals(before: Iterable<Destination>, after: ReadonlySet<Destination>): void {
    const now = this.#clock.now();
    for (const [destination, at] of this.#withdrawnAt) {
      if (after.has(destination) || now - at >= this.#settleMs) this.#withdrawnAt.delete(destination);
    }
    let any = false;
    for (const destination of before) {
      if (after.has(destination)) continue;
      this.#withdrawnAt.set(destination, now);
      any = true;
    }
    if (any) this.#clock.after(this.#settleMs, () => this.#listeners.notify());
  }
}
