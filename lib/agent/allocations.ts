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
import { AnnotatedAllocations } from '../sources/allocations/annotated-allocations.ts';
import type { Refusal } from '../sources/allocations/anycast-annotation.ts';
import { OtherUids, type UidRefusal } from '../sources/allocations/other-uids.ts';
import type { PodCache } from '../sources/pods/pod-cache.ts';

export interface Allocations {
  source: AllocationSource;
  /** Addresses that pods ask for and do not get, and allocations that are not in force; and why. */
  refusals(): (Refusal | UidRefusal)[];
  /** The local API by which other programs add and remove allocations; only with a store of our own. */
  api?: AllocationApi;
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
  return { source, refusals: () => otherUids.refusals(), ...(api && { api }) };
}

/** Prefixes of the pod annotations that the agent reads; other annotations are not kept. */
export function annotationPrefixes({ allocations }: ResolvedAgentConfig): string[] {
  return ['flock-anycast.io/', ...(allocations.source === 'annotations' ? allocations.keys : [])];
}
