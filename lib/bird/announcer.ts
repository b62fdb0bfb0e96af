/**
 * What BIRD has to know of the kernel's announcements. In learn mode nothing: it learns our routes, and only
 * the node config makes it change. In filter mode the active set, each time it changes.
 */
import type { Destination } from '../address.ts';
import type { NodeConfigCache } from '../sources/node-config.ts';
import type { BirdManager, BirdOutcome } from './manager.ts';

export class BirdAnnouncer {
  readonly #bird: BirdManager;
  readonly #nodeConfig: NodeConfigCache;
  readonly #mode: 'learn' | 'filter';
  readonly #onOutcome: (outcome: BirdOutcome) => void;
  /** Undefined until BIRD was asked once: it may still announce what a former run told it. */
  #announced: ReadonlySet<Destination> | undefined;

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
    const nodeConfig = this.#nodeConfig.snapshot();
    this.#bird.apply({ nodeConfig, active: this.#mode === 'filter' ? [...active] : [] }).then(outcome => {
      this.#announced = outcome.announced;
      this.#onOutcome(outcome);
    });
  }

  /** In learn mode the tag is the announcement, and the tag has changed before anybody asks. */
  isWithdrawn(destination: Destination): boolean {
    return this.#mode === 'learn' || this.#announced?.has(destination) === false;
  }
}
