/** The public API. Each part is of use on its own; `agent.ts` shows how they fit together. */

export { type AgentOptions, runAgent } from './agent/agent.ts';
export { AnycastReconciler } from './agent/reconciler.ts';
export {
  type Address,
  type Destination,
  destinationOf,
  type Family,
  formatAddress,
  parseAddress,
} from './base/address.ts';
export { type ErrorCode, errorCodes, FlockError } from './base/errors.ts';
export { BirdManager } from './bird/manager.ts';
export { type AgentConfig, loadAgentConfig, parseAgentConfig } from './config/agent-config.ts';
export { type NodeConfig, NodeConfigCache } from './config/node-config.ts';
export { DesiredTable } from './desired/desired-table.ts';
export { resolveAnycastTargets } from './desired/resolve.ts';
export { type AnycastTarget, isEligible, type Nexthop } from './desired/views.ts';
export { type GroupForm, groupFormOf } from './kernel/groups/group-form.ts';
export { KernelPaths } from './kernel/lookups/kernel-paths.ts';
export { RouteTable } from './kernel/route-table.ts';
export { LinkTable } from './kernel/socket/link-table.ts';
export * from './kernel/socket/nexthop-object.ts';
export { RouteBatch } from './kernel/socket/route-batch.ts';
export * from './kernel/socket/route-record.ts';
export * from './kernel/socket/route-socket.ts';
export { AddressPolicy, type AddressPool, type Claimant, type PolicyInput } from './policy/policy.ts';
export type { Allocation, AllocationInput } from './sources/allocations/allocation.ts';
export { AllocationApi } from './sources/allocations/allocation-api.ts';
export { WatchedAllocations } from './sources/allocations/allocation-file.ts';
export { type AllocationSource, AllocationStore } from './sources/allocations/allocation-store.ts';
export { AnnotatedAllocations } from './sources/allocations/annotated-allocations.ts';
export type { Pod } from './sources/pods/pod.ts';
export { PodCache } from './sources/pods/pod-cache.ts';
export { PodDirectory } from './sources/pods/pod-directory.ts';
