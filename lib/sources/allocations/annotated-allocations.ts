/**
 * Allocations from pods' annotations, with any CNI: a pod requests anycast addresses, its own address is the
 * nexthop, and the interface is the one that the kernel routes that address to.
 */
import type { PathFinder } from '../../base/address-path.ts';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { PodLog } from '../../base/pod-log.ts';
import type { Pod } from '../pods/pod.ts';
import type { PodCache } from '../pods/pod-cache.ts';
import type { Allocation } from './allocation.ts';
import type { AllocationSource } from './allocation-source.ts';
import { sameAllocation } from './allocation-store.ts';
import { allocationOf, needsPaths } from './annotated-allocation.ts';
import type { Reason, Refusal } from './anycast-annotation.ts';
import { KnownPaths } from './known-paths.ts';

export interface AnnotatedAllocationsOptions {
  pods: Pick<PodCache, 'synced' | 'snapshot' | 'onChange'>;
  finder: PathFinder;
  /** Annotations that are read. */
  keys: readonly string[];
  /** Between two look-ups of all paths, in milliseconds, if nothing changes. */
  againMs: number;
  /** How long a lost path stays in force, in milliseconds. */
  patienceMs?: number;
  log: Log;
  /** For lines about single pods. Default: one of its own. */
  podLog?: PodLog;
}

/** A pod that requests addresses. */
interface Candidate {
  readonly uid: string;
  /** Its addresses whose paths are followed. */
  followed: readonly string[];
  reasons: readonly Reason[];
  /** The interface of its last allocation, also after that has ended. */
  hostInterface?: string;
}

/** Makes an allocation of each pod whose annotation requests addresses, as soon as the path to the pod is known. */
export class AnnotatedAllocations implements AllocationSource {
  synced = false;
  readonly #options: AnnotatedAllocationsOptions;
  readonly #podLog: PodLog;
  readonly #paths: KnownPaths;
  readonly #candidates = new Map<string, Candidate>();
  readonly #allocations = new Map<string, Allocation>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();
  #off: () => void = () => {};

  constructor({ patienceMs, ...options }: AnnotatedAllocationsOptions) {
    const { finder, log, againMs } = options;
    this.#options = options;
    this.#podLog = options.podLog ?? new PodLog(log);
    this.#paths = new KnownPaths({
      finder,
      log,
      againMs,
      ...(patienceMs !== undefined && { patienceMs }),
      onChange: addresses => this.#judge(this.#podsOf(addresses)),
    });
  }

  /** Follows the pods; in sync when they are and the paths to all that request addresses are known. */
  async start(): Promise<void> {
    const { pods } = this.#options;
    await this.#paths.start();
    this.#off = pods.onChange(keys => this.#judge(keys));
    this.#judge(new Set(pods.snapshot().keys()));
  }

  stop(): void {
    this.#off();
    this.#paths.stop();
    this.#listeners.clear();
  }

  snapshot(): ReadonlyMap<string, Allocation> {
    return this.#allocations;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** What is requested now and not in force, and why. */
  refusals(): Refusal[] {
    return [...this.#candidates].flatMap(([pod, { reasons }]) => reasons.map(reason => ({ pod, ...reason })));
  }

  #podsOf(addresses: ReadonlySet<string>): Set<string> {
    const keys = new Set<string>();
    for (const [key, { followed }] of this.#candidates)
      if (followed.some(address => addresses.has(address))) keys.add(key);
    return keys;
  }

  #judge(keys: ReadonlySet<string>): void {
    const { pods } = this.#options;
    const changed = new Set<string>();
    for (const key of keys) if (this.#judgeOne(key, pods.snapshot().get(key))) changed.add(key);
    const first = !this.synced && pods.synced && this.#paths.complete;
    if (first) this.synced = true;
    if (!first && changed.size === 0) return;
    this.#listeners.notify(changed);
  }

  /** @returns whether its allocation changed */
  #judgeOne(key: string, pod: Pod | undefined): boolean {
    const { keys } = this.#options;
    const followed = pod !== undefined && needsPaths(pod, keys) ? pod.podIPs : [];
    const candidate = this.#follow(key, pod?.uid ?? '', followed);
    if (pod === undefined) {
      this.#candidates.delete(key);
      return this.#allocations.delete(key);
    }
    // Its allocation stays in force until the paths are known. An allocation of another uid is never used.
    if (followed.some(address => this.#paths.get(address) === undefined)) return false;
    const pathTo = (address: string) => this.#paths.get(address);
    const { allocation, reasons } = allocationOf(pod, keys, pathTo, candidate.hostInterface);
    this.#report(key, candidate.reasons, reasons);
    candidate.reasons = reasons;
    if (followed.length === 0 && reasons.length === 0) this.#candidates.delete(key);
    if (sameAllocation(this.#allocations.get(key), allocation)) return false;
    if (allocation === undefined) return this.#allocations.delete(key);
    candidate.hostInterface = allocation.hostInterface;
    this.#allocations.set(key, allocation);
    return true;
  }

  #follow(key: string, uid: string, followed: readonly string[]): Candidate {
    const known = this.#candidates.get(key);
    const left = (known?.followed ?? []).filter(address => !followed.includes(address));
    const candidate: Candidate = known?.uid === uid ? known : { uid, followed, reasons: [] };
    candidate.followed = followed;
    this.#candidates.set(key, candidate);
    this.#paths.follow(followed);
    if (left.length > 0) {
      // Two pods can have the same address for a while: one that ends, and one that got it after that.
      const stillFollowed = new Set([...this.#candidates.values()].flatMap(other => other.followed));
      this.#paths.unfollow(left.filter(address => !stillFollowed.has(address)));
    }
    return candidate;
  }

  /** Logs each reason once per pod. */
  #report(key: string, reported: readonly Reason[], reasons: readonly Reason[]): void {
    for (const { message, value, remedy } of reasons) {
      if (reported.some(reason => reason.message === message)) continue;
      this.#podLog.warn(key, { value, remedy }, message);
    }
  }
}
