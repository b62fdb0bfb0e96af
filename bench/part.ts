/** A part of the bench, and what it is given to work with. */
import type { Host } from '../test/support/node-lab.ts';
import type { Peer } from './peers/peer.ts';
import type { Plan } from './plan.ts';
import type { Results } from './results.ts';

export interface Bench {
  readonly plan: Plan;
  /** Where each part puts what it found. */
  readonly results: Results;
  /** Those that can run here and were not left out, the floor first. */
  readonly peers: readonly Peer[];
  /** Ends what the part began, last begun first; called whatever becomes of the part. */
  readonly host: Host;
  /** One step is about to begin. @throws the reason when the run is to end */
  step(label: string): void;
}

export interface Part {
  name: string;
  /** What it measures, in a sentence. */
  what: string;
  /** How many steps it will tell. */
  steps(bench: Pick<Bench, 'plan' | 'peers'>): number;
  run(bench: Bench): Promise<void>;
}
