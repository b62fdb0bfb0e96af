/** Creates the configured source of allocations. */

import type { Log } from '../base/log.ts';
import type { PodLog } from '../base/pod-log.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { KernelPaths } from '../kernel/lookups/kernel-paths.ts';
import type { RouteSocket } from '../kernel/socket/route-socket.ts';
import { AllocationApi } from '../sources/allocations/allocation-api.ts';
import { WatchedAllocations } from '../sources/allocations/allocation-file.ts';
import type { AllocationSource } from '../sources/allocations/allocation-source.ts';
import { AllocationStore } from '../sources/allocations/allocation-store.ts';
import { AllocationSweep } from '../sources/allocations/allocation-sweep.ts';
import { AnnotatedAllocations } from '../sources/allocations/annotated-allocations.ts';
import type { Refusal } from '../sources/allocations/anycast-annotation.ts';
import { OtherUids, type UidRefusal } from '../sources/allocations/other-uids.ts';
import type { PodCache } from '../sources/pods/pod-cache.ts';
import type { AgentContext } from './context.ts';

export interface Allocations {
  source: AllocationSource;
  /** Addresses that pods ask for and do not get, and allocations that are not in force; and why. */
  refusals(): (Refusal | UidRefusal)[];
  /** The local API by which other programs add and remove allocations; only with a store of our own. */
  api?: AllocationApi;
  store?: AllocationStore;
}

export interface AllocationsOptions {
  config: ResolvedAgentConfig;
  pods: PodCache;
  socket: RouteSocket;
  log: Log;
  podLog: PodLog;
}

export function createAllocations({ config, pods, socket, log, podLog }: AllocationsOptions): Allocations {
  const { allocations, reconcile } = config;
  if (allocations.source === 'annotations') {
    const finder = new KernelPaths({ socket, log });
    const { keys } = allocations;
    const source = new AnnotatedAllocations({ pods, finder, keys, againMs: reconcile.auditMs, log, podLog });
    return { source, refusals: () => source.refusals() };
  }
  const { path, owner } = allocations;
  const store = owner === 'agent' ? new AllocationStore({ path, log }) : undefined;
  const source = store ?? new WatchedAllocations({ path, log });
  const otherUids = new OtherUids({ allocations: source, pods, log });
  const api = store && new AllocationApi({ store, path: allocations.socket, log });
  return { source, refusals: () => otherUids.refusals(), ...(store && { store }), ...(api && { api }) };
}

/**
 * Removes allocations of pods that are gone; undefined where nobody knows that, or where it is not wanted.
 * @param isConnected whether the pods are those that the API server has now
 */
export function createSweep(
  { config, clock, log }: AgentContext,
  { store }: Allocations,
  pods: PodCache,
  isConnected: () => boolean,
): AllocationSweep | undefined {
  const { allocations } = config;
  if (store === undefined || config.pods.source !== 'kubernetes') return undefined;
  if (allocations.source !== 'file' || allocations.sweepAfterMs === 0) return undefined;
  return new AllocationSweep({ store, pods, isConnected, afterMs: allocations.sweepAfterMs, clock, log });
}

/** Prefixes of the pod annotations that the agent reads; other annotations are not kept. */
export function annotationPrefixes({ allocations }: ResolvedAgentConfig): string[] {
  return ['flock-anycast.io/', ...(allocations.source === 'annotations' ? allocations.keys : [])];
}
