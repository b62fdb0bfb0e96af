/** What each kind of allocation source has. */
import type { Source } from '../../base/source.ts';
import type { Allocation } from './allocation.ts';

/** A source of allocations, by the `namespace/name` of their pods. */
export interface AllocationSource extends Source<Allocation> {
  /** Begins to read. Resolves without waiting for a network: the agent's start waits for it. */
  start(): Promise<void>;
  stop(): void | Promise<void>;
}
