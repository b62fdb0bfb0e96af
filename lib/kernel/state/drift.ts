/**
 * What others did to a route of ours, and what we believe then. No I/O; only `countRestoration` changes its entry.
 *
 * Quirks, each seen on Linux 6.18 (test/kernel/state/drift.test.ts):
 * - `ip link del p0` removes the whole IPv4 multipath route, its live nexthops included, and notifies
 *   nothing on the route group; an interface set down removes IPv4 routes whose nexthops are all dead, without a
 *   notification too.
 * - IPv6 drops one nexthop and names only it in its RTM_DELROUTE; BIRD takes that for the whole route, and keeps
 *   the destination withdrawn until the kernel notifies of the route again.
 */

import { subtractNexthops, withoutInterface } from '../socket/nexthops.ts';
import type { Programmed, RouteEntry, RouteLoss } from './route-entry.ts';

/**
 * What is left of a route after one of its interfaces went (`gone`) or was set down.
 *
 * @param content what is left of its nexthop group, by which it lives on; undefined when it has none
 */
export function afterLinkLoss(
  entry: RouteEntry,
  index: number,
  gone: boolean,
  content: Uint8Array | undefined,
): Programmed | undefined {
  const { programmed, family } = entry;
  if (programmed === undefined) return undefined;
  if (content !== undefined) return content.length === 0 ? undefined : { ...programmed, nexthops: content };
  if (gone && family === 4) return undefined;
  const left = withoutInterface(programmed.nexthops, index);
  // What is left is not what we believe: the difference makes the next pass write, which notifies BIRD as well.
  return left.length === 0 ? undefined : programmed;
}

/** What is left after a notification that others deleted our route, or with IPv6 some of its nexthops. */
export function afterDeletion(entry: RouteEntry, named: Uint8Array): Programmed | undefined {
  const { programmed, family } = entry;
  if (programmed === undefined || family === 4 || programmed.group !== 0 || named.length === 0)
    return undefined;
  const left = subtractNexthops(programmed.nexthops, named);
  return left.length === 0 ? undefined : { ...programmed, nexthops: left };
}

/**
 * More restorations than this, within this many milliseconds, are taken for a contest. A program that deletes the
 * nexthop objects of others at each new interface does so as often as pods come, and means no route of ours.
 */
const tolerance = { withinMs: 10_000, alone: 5, 'with its group': 50 };

/**
 * Counts one more restoration of a destination.
 * @returns whether it is restored too often, so that restoring it has to wait
 */
export function countRestoration(entry: RouteEntry, now: number, lost: RouteLoss = 'alone'): boolean {
  const { drift } = entry;
  if (drift === undefined || now - drift.since > tolerance.withinMs) {
    entry.drift = { since: now, alone: 0, 'with its group': 0, reported: false, [lost]: 1 };
    return false;
  }
  drift[lost]++;
  return drift[lost] > tolerance[lost];
}
