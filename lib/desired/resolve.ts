/**
 * The desired routes: committed allocations x eligible pods -> destination -> nexthops. Pure.
 */
import type { Destination } from '../base/address.ts';
import { contributionOf, partsOf } from './contribution.ts';
import {
  type AllocationView,
  type AnycastTarget,
  isEligible,
  isInForce,
  type Nexthop,
  type PodView,
  type ResolveWarning,
} from './views.ts';
import { weightOf } from './weight.ts';

/**
 * The whole desired set, computed from scratch; `DesiredTable` updates it step by step. Without drains and held pods.
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

/** Sorted by interface, then via; equal interface and via become one nexthop, with the larger weight. */
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
