/** Reads a kernel's routes to the anycast addresses with `ip`, and compares them with the expected ones. */

import { anycast } from '../../test/support/anycast-net/plan.ts';
import type { Namespace } from '../../test/support/lab.ts';

/** Route protocol numbers as `ip -N` shows them: our defaults, and BIRD's (rtnetlink.h). */
export const protocols = { advertised: '70', held: '71', bird: '12' } as const;

export interface Destination {
  family: '-4' | '-6';
  address: string;
}

export const destinations: readonly Destination[] = [
  { family: '-4', address: anycast.ipv4 },
  { family: '-6', address: anycast.ipv6 },
];

/** The expected route to each anycast address in a kernel. */
export interface Expectation {
  protocol: string;
  /** The interfaces of its nexthops; none: no such route. */
  interfaces: readonly string[];
}

interface IpRoute {
  protocol: string;
  dev?: string;
  nexthops?: { dev: string }[];
}

/** @returns a description of what was found instead; undefined when it is as expected */
export async function difference(
  namespace: Namespace,
  { family, address }: Destination,
  { protocol, interfaces }: Expectation,
): Promise<string | undefined> {
  const routes = await namespace.ipJson<IpRoute[]>('-N', family, 'route', 'show', address);
  const found = routes
    .filter(route => route.protocol === protocol)
    .flatMap(({ dev, nexthops }) => nexthops?.map(nexthop => nexthop.dev) ?? (dev === undefined ? [] : [dev]))
    .sort();
  const wanted = [...interfaces].sort();
  if (found.join() === wanted.join()) return undefined;
  return `${address} in ${namespace.role}'s kernel: expected ${words(wanted)}, saw ${words(found)}`;
}

function words(interfaces: readonly string[]): string {
  return interfaces.length === 0 ? 'no route' : `a route by ${interfaces.join(' and ')}`;
}
