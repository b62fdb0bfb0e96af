/** A part of the benchmark, and its context. */
import type { Host } from '../test/support/node-lab.ts';
import type { Peer } from './peers/peer.ts';
import type { Plan } from './plan.ts';
import type { Results } from './results.ts';

export interface Bench {
  readonly plan: Plan;
  /** The results; each part adds its own. */
  readonly results: Results;
  /** The selected peers that can run on this machine, the floor first. */
  readonly peers: readonly Peer[];
  /** Stops what the part has started, in reverse order; also called when the part fails. */
  readonly host: Host;
  /** Called before each step. @throws the reason when the run must end */
  step(label: string): void;
}

export interface Part {
  name: string;
  /** What it measures, in a sentence. */
  what: string;
  /** How many times it will call `step`. */
  steps(bench: Pick<Bench, 'plan' | 'peers'>): number;
  run(bench: Bench): Promise<void>;
}
