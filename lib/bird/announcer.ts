/**
 * What BIRD has to know of the kernel's announcements. In learn mode nothing: it learns our routes, and only
 * the node config makes it change. In filter mode the active set, each time it changes.
 */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { Listeners } from '../base/listeners.ts';
import type { NodeConfigSource } from '../config/node-config.ts';
import type { BirdManager, BirdOutcome } from './manager.ts';
import type { BirdMode } from './mode.ts';
import type { BirdRoutes } from './render.ts';

export interface BirdAnnouncerOptions {
  bird: Pick<BirdManager, 'apply' | 'modeOf' | 'status'>;
  nodeConfig: Pick<NodeConfigSource, 'onChange' | 'snapshot'>;
  clock: Clock;
  /** How long the peers are given to act on a withdrawal that BIRD has sent, in milliseconds. */
  settleMs: number;
  /** For reporting: called when BIRD was configured, or could not be. */
  onOutcome?: (outcome: BirdOutcome) => void;
}

/**
 * In learn mode, passes sooner after one another than so many milliseconds do not ask again whether BIRD runs what it
 * was told: rendering that costs more than the rest of a pass with nothing to do.
 */
const againMs = 1000;

const nothing: ReadonlySet<Destination> = new Set();

export class BirdAnnouncer {
  readonly #bird: Pick<BirdManager, 'apply' | 'modeOf' | 'status'>;
  readonly #nodeConfig: Pick<NodeConfigSource, 'onChange' | 'snapshot'>;
  readonly #onOutcome: (outcome: BirdOutcome) => void;
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #listeners = new Listeners();
  /** When BIRD said that it no longer announces a destination, in milliseconds of the clock; while it matters. */
  readonly #withdrawnAt = new Map<Destination, number>();
  /** Undefined until BIRD was asked once: it may still announce what a former run told it. */
  #announced: ReadonlySet<Destination> | undefined;
  /** What BIRD is being told to announce, and has not answered yet. */
  readonly #asked = new Set<ReadonlySet<Destination>>();
  #formerRoutes: readonly BirdRoutes[] = [];
  /** What BIRD is known to run, in learn mode, and when that was last made sure of. */
  #running: { nodeConfig: unknown; formerRoutes: unknown; at: number } | undefined;

  constructor({ bird, nodeConfig, clock, settleMs, onOutcome = () => {} }: BirdAnnouncerOptions) {
    this.#bird = bird;
    this.#nodeConfig = nodeConfig;
    nodeConfig.onChange(() => this.#listeners.notify());
    this.#clock = clock;
    this.#settleMs = settleMs;
    this.#onOutcome = onOutcome;
  }

  /** Calls `listener` when BIRD runs something else, or a destination may be withdrawn. @returns what ends it */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Lets BIRD follow the kernel; never waits for it, for packets do not. */
  follow(active: ReadonlySet<Destination>): void {
    if (this.#mode() === 'filter') this.#apply(new Set(active));
    else if (!this.#runsWhatItShould()) this.#apply(nothing);
  }

  /**
   * Has BIRD learn routes of former configurations too, from now on. In filter mode it learns none.
   * @returns what became of it, when BIRD was told
   */
  async learnAlso(formerRoutes: readonly BirdRoutes[]): Promise<BirdOutcome | undefined> {
    this.#formerRoutes = formerRoutes;
    return this.#mode() === 'filter' ? undefined : this.#apply(nothing);
  }

  /**
   * In learn mode the tag is the announcement, and the tag has changed before anybody asks. What BIRD announces by
   * its configuration, in filter mode or until it has left it, it has to have said that it does no more, and its
   * peers have some time to act on it.
   */
  isWithdrawn(destination: Destination): boolean {
    for (const asked of this.#asked) if (asked.has(destination)) return false;
    if (this.#announced === undefined) return this.#mode() === 'learn';
    if (this.#announced.has(destination)) return false;
    const since = this.#withdrawnAt.get(destination);
    return since === undefined || this.#clock.now() - since >= this.#settleMs;
  }

  #mode(): BirdMode {
    return this.#bird.modeOf(this.#nodeConfig.snapshot());
  }

  /** Learn mode: whether nothing has changed that BIRD's configuration follows from, as far as was looked lately. */
  #runsWhatItShould(): boolean {
    const running = this.#running;
    return (
      running !== undefined &&
      running.nodeConfig === this.#nodeConfig.snapshot() &&
      running.formerRoutes === this.#formerRoutes &&
      this.#clock.now() - running.at < againMs &&
      this.#bird.status().applied
    );
  }

  async #apply(active: ReadonlySet<Destination>): Promise<BirdOutcome> {
    const nodeConfig = this.#nodeConfig.snapshot();
    const formerRoutes = this.#formerRoutes;
    this.#running = undefined;
    this.#asked.add(active);
    const outcome = await this.#bird.apply({ nodeConfig, active, formerRoutes });
    this.#asked.delete(active);
    if (outcome.state === 'applied' || outcome.state === 'unchanged')
      this.#running = { nodeConfig, formerRoutes, at: this.#clock.now() };
    this.#noteWithdrawals(this.#announced ?? [], outcome.announced);
    this.#announced = outcome.announced;
    this.#onOutcome(outcome);
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
