/**
 * The public API. Each part can be used alone; docs/library.md has complete programs, and `agent/agent.ts` puts all
 * parts together.
 */

export { type AgentOptions, runAgent } from './agent/agent.ts';
export {
  type Announcer,
  AnycastReconciler,
  type FormerRoutes,
  type ReconcilerOptions,
} from './agent/reconciler.ts';
export {
  type Address,
  type Destination,
  destinationOf,
  type Family,
  formatAddress,
  parseAddress,
} from './base/address.ts';
export { type Clock, systemClock } from './base/clock.ts';
export { type ErrorCode, errorCodes, FlockError, type FlockErrorDetails } from './base/errors.ts';
export { createLog, type Log, type LogLevel } from './base/log.ts';
export type { Source } from './base/source.ts';
export { TimeSlice } from './base/time-slice.ts';
export { BirdAnnouncer, type BirdAnnouncerOptions } from './bird/announcer.ts';
export {
  type BirdInput,
  BirdManager,
  type BirdManagerOptions,
  type BirdOutcome,
  type BirdStatus,
} from './bird/manager.ts';
export type { BirdMode } from './bird/mode.ts';
export type { BirdRoutes } from './bird/render.ts';
export {
  type AgentConfig,
  loadAgentConfig,
  parseAgentConfig,
  type ResolvedAgentConfig,
} from './config/agent-config.ts';
export {
  type NodeConfig,
  NodeConfigCache,
  type NodeConfigCacheOptions,
  type NodeConfigSource,
} from './config/node-config.ts';
export { DesiredTable, type DesiredTarget } from './desired/desired-table.ts';
export type { DrainPolicy } from './desired/drain.ts';
export { resolveAnycastTargets } from './desired/resolve.ts';
export {
  type AllocationView,
  type AnycastTarget,
  isEligible,
  type Nexthop,
  type PodView,
  type ResolveWarning,
} from './desired/views.ts';
export { type GroupForm, groupFormOf, type NexthopsConfig } from './kernel/groups/group-form.ts';
export { createKernelSide, type KernelSide, type KernelSideOptions } from './kernel/kernel-side.ts';
export { KernelPaths, type KernelPathsOptions } from './kernel/lookups/kernel-paths.ts';
export type { Shadow } from './kernel/lookups/shadows.ts';
export {
  type KernelSocket,
  type PassOutcome,
  RouteProgrammer,
  type RouteProgrammerOptions,
} from './kernel/route-programmer.ts';
export {
  type RouteCounts,
  type RouteNews,
  RouteTable,
  type RouteTableOptions,
} from './kernel/route-table.ts';
export { LinkTable } from './kernel/socket/link-table.ts';
export * from './kernel/socket/nexthop-object.ts';
export { describeNexthops } from './kernel/socket/nexthops.ts';
export { RouteBatch } from './kernel/socket/route-batch.ts';
export * from './kernel/socket/route-record.ts';
export * from './kernel/socket/route-socket.ts';
export { destinationOfView, RouteView, viewRoutes } from './kernel/socket/route-view.ts';
export type { RouteFailure, RouteProtocols } from './kernel/state/route-entry.ts';
export type { RouteEvent } from './kernel/state/route-event.ts';
export { Metrics } from './observe/metrics.ts';
export { Reporter } from './observe/reporter.ts';
export { AddressPolicy, type AddressPool, type Claimant, type PolicyInput } from './policy/policy.ts';
export type { Allocation, AllocationInput } from './sources/allocations/allocation.ts';
export { AllocationApi } from './sources/allocations/allocation-api.ts';
export { WatchedAllocations } from './sources/allocations/allocation-file.ts';
export type { AllocationSource } from './sources/allocations/allocation-source.ts';
export { AllocationStore } from './sources/allocations/allocation-store.ts';
export { AnnotatedAllocations } from './sources/allocations/annotated-allocations.ts';
export type { Pod } from './sources/pods/pod.ts';
export { PodCache } from './sources/pods/pod-cache.ts';
export { PodDirectory } from './sources/pods/pod-directory.ts';
