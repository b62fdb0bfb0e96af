/**
 * Removes allocations whose DEL never came: the API server has known for a while that there is no such pod. Time in
 * which it was not reachable does not count, and begins the while again: pods that were made meanwhile (static ones) are
 * not known to it at once.
 */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Pod } from '../pods/pod.ts';
import type { PodCache } from '../pods/pod-cache.ts';
import type { Allocation } from './allocation.ts';
import type { AllocationStore } from './allocation-store.ts';

export interface AllocationSweepOptions {
  store: Pick<AllocationStore, 'snapshot' | 'releaseWhere'>;
  pods: Pick<PodCache, 'synced' | 'snapshot'>;
  /** Whether the pods are those that the API server has now. */
  isConnected: () => boolean;
  /** How long a pod must be gone, in milliseconds. */
  afterMs: number;
  clock: Clock;
  log: Log;
}

/** The longest time between two looks, in milliseconds. */
const mostBetweenMs = 60_000;

export class AllocationSweep {
  readonly #options: AllocationSweepOptions;
  /** Since when the pod of an allocation is gone, in milliseconds of the clock. */
  #goneSince = new Map<Allocation, number>();
  #cancel = () => {};

  constructor(options: AllocationSweepOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, afterMs } = this.#options;
    this.#cancel = clock.after(Math.min(afterMs / 4, mostBetweenMs), () => {
      this.start();
      void this.look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Looks for pods that are gone, and removes allocations whose pods have been for long enough. */
  async look(): Promise<void> {
    const { store, pods, isConnected, afterMs, clock, log } = this.#options;
    const before = isConnected() && pods.synced ? this.#goneSince : new Map<Allocation, number>();
    this.#goneSince = new Map();
    const now = clock.now();
    for (const [key, allocation] of store.snapshot()) {
      if (!isOf(allocation, pods.snapshot().get(key)))
        this.#goneSince.set(allocation, before.get(allocation) ?? now);
    }
    const since = this.#goneSince;
    const isStale = (each: Allocation) => now - (since.get(each) ?? now) >= afterMs;
    if (![...since.keys()].some(isStale)) return;
    try {
      const swept = await store.releaseWhere(isStale);
      const some = swept.slice(0, 5).join(', ') + (swept.length > 5 ? ', …' : '');
      log.info({ allocations: swept.length }, `removed the allocations of pods that are gone: ${some}`);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      log.warn({ code }, `can not remove the allocations of pods that are gone: ${message}`);
    }
  }
}

function isOf({ uid }: Allocation, pod: Pod | undefined): boolean {
  return pod !== undefined && (uid === pod.uid || uid === pod.staticUid);
}
