/**
 * What BIRD has to know of the kernel's announcements. In learn mode nothing: it learns our routes, and only
 * the node config makes it change. In filter mode the active set, each time it changes.
 */
import type { Destination } from '../address.ts';
import type { NodeConfigCache } from '../sources/node-config.ts';
import type { BirdManager, BirdOutcome } from './manager.ts';
import type { BirdRoutes } from './render.ts';

export class BirdAnnouncer {
  readonly #bird: BirdManager;
  readonly #nodeConfig: NodeConfigCache;
  readonly #mode: 'learn' | 'filter';
  readonly #onOutcome: (outcome: BirdOutcome) => void;
  /** Undefined until BIRD was asked once: it may still announce what a former run told it. */
  #announced: ReadonlySet<Destination> | undefined;
  #formerRoutes: readonly BirdRoutes[] = [];

  /** @param options.onOutcome called when BIRD was told something, or could not be */
  constructor({
    bird,
    nodeConfig,
    mode,
    onOutcome,
  }: {
    bird: BirdManager;
    nodeConfig: NodeConfigCache;
    mode: 'learn' | 'filter';
    onOutcome: (outcome: BirdOutcome) => void;
  }) {
    this.#bird = bird;
    this.#nodeConfig = nodeConfig;
    this.#mode = mode;
    this.#onOutcome = onOutcome;
  }

  /** Lets BIRD follow the kernel; never waits for it, for packets do not. */
  follow(active: ReadonlySet<Destination>): void {
    this.#apply(this.#mode === 'filter' ? active : []);
  }

  /**
   * Has BIRD learn routes of former configurations too, from now on. In filter mode it learns none.
   * @returns what became of it, when BIRD was told
   */
  async learnAlso(formerRoutes: readonly BirdRoutes[]): Promise<BirdOutcome | undefined> {
    if (this.#mode === 'filter') return undefined;
    this.#formerRoutes = formerRoutes;
    return this.#apply([]);
  }

  /** In learn mode the tag is the announcement, and the tag has changed before anybody asks. */
  isWithdrawn(destination: Destination): boolean {
    return this.#mode === 'learn' || this.#announced?.has(destination) === false;
  }

  async #apply(active: Iterable<Destination>): Promise<BirdOutcome> {
    const nodeConfig = this.#nodeConfig.snapshot();
    const outcome = await this.#bird.apply({ nodeConfig, active, formerRoutes: this.#formerRoutes });
    this.#announced = outcome.announced;
    this.#onOutcome(outcome);
    return outcome;
  }
}
