/**
 * What should be routed: committed allocations x eligible pods -> destination -> nexthops. Pure.
 */
import type { Destination } from '../base/address.ts';
import { contributionOf, partsOf } from './contribution.ts';
import { isEligible } from './drain.ts';
import { weightOf } from './weight.ts';

/** One pod's way in on this node. */
export interface Nexthop {
  /** The host's end of the pod's veth. */
  readonly interface: string;
  /** The pod's unicast address of the destination's family, canonical. */
  readonly via: string;
  /** Share among the nexthops of one destination, 1 to 256. */
  readonly weight: number;
  /** Its source knows that `via` is on the link of that interface, whatever addresses the interface has. */
  readonly onlink?: boolean;
}

/** A destination and the nexthops that serve it, in canonical order, never empty. */
export interface AnycastTarget {
  readonly destination: Destination;
  readonly nexthops: readonly Nexthop[];
}

/** The part of an allocation that decides. */
export interface AllocationView {
  readonly uid: string;
  readonly hostInterface: string;
  readonly ipv4?: string | null | undefined;
  readonly ipv6?: string | null | undefined;
  readonly onlink?: boolean | undefined;
  readonly anycast: readonly string[];
  readonly addresses: readonly string[];
  readonly state: 'pending' | 'committed';
}

/** The part of a pod that decides. */
export interface PodView {
  readonly uid: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** Nothing in it runs any more. */
  readonly containersTerminated?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Something of an allocation that contributes nothing, and why. */
export interface ResolveWarning {
  /** `namespace/name` of the pod. */
  readonly key: string;
  readonly message: string;
  readonly value: string;
  readonly remedy: string;
}

/** Whether an allocation is in force for a pod: one made for another uid is of a pod that is gone. */
export function isInForce(allocation: AllocationView, pod: PodView): boolean {
  return allocation.state === 'committed' && allocation.uid === pod.uid;
}

/**
 * The whole desired set, from nothing: what `DesiredTable` keeps current step by step. Nothing drains in it.
 *
 * @param allocations by `namespace/name`
 * @param pods by `namespace/name`
 */
export function resolveAnycastTargets(
  allocations: ReadonlyMap<string, AllocationView>,
  pods: ReadonlyMap<string, PodView>,
): { targets: Map<Destination, AnycastTarget>; warnings: ResolveWarning[] } {
  const gathered = new Map<Destination, Nexthop[]>();
  const warnings: ResolveWarning[] = [];
  for (const [key, allocation] of allocations) {
    const pod = pods.get(key);
    if (pod === undefined || !isInForce(allocation, pod) || !isEligible(pod)) continue;
    const contribution = contributionOf(key, allocation, weightOf(pod));
    warnings.push(...contribution.warnings);
    for (const { nexthop, destinations } of partsOf(contribution)) {
      for (const destination of destinations) {
        const nexthops = gathered.get(destination);
        if (nexthops === undefined) gathered.set(destination, [nexthop]);
        else nexthops.push(nexthop);
      }
    }
  }
  const targets = new Map<Destination, AnycastTarget>();
  for (const [destination, nexthops] of gathered) {
    targets.set(destination, { destination, nexthops: canonicalNexthops(nexthops) });
  }
  return { targets, warnings };
}

/** Sorted by interface, then via; the same interface and via twice is one nexthop, of the larger weight. */
export function canonicalNexthops(nexthops: readonly Nexthop[]): Nexthop[] {
  const sorted = nexthops.toSorted(
    (left, right) =>
      compareText(left.interface, right.interface) ||
      compareText(left.via, right.via) ||
      right.weight - left.weight,
  );
  return sorted.filter((nexthop, index) => {
    const before = sorted[index - 1];
    return before?.interface !== nexthop.interface || before.via !== nexthop.via;
  });
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
