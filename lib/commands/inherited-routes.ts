/**
 * Finds the host routes that the original agent left: it wrote them as `ip route add` does. A route that it did not
 * write, or may not have written, is refused with the reason. Pure.
 */
import { formatAddress } from '../base/address.ts';
import { RouteType } from '../kernel/socket/record-layout.ts';
import { readRoutes } from '../kernel/socket/route-record.ts';
import type { RouteView } from '../kernel/socket/route-view.ts';

/** `RTPROT_BOOT` of linux/rtnetlink.h: routes added without a protocol. */
export const bootProtocol = 3;

/** The metric that the kernel gives a route without one. */
const defaultMetric = { 4: 0, 6: 1024 } as const;

export interface KnownPods {
  /** Host ends of the pods' veths, by interface index. */
  interfaces: ReadonlyMap<number, string>;
  /** Every anycast address of every allocation, as destinations. */
  destinations: ReadonlySet<string>;
}

/** One route of protocol boot that leads to a pod or to an anycast address. */
export interface Judgement {
  view: RouteView;
  /** For messages: `192.0.2.53/32 via 10.1.1.2%veth1`. */
  route: string;
  /** Why it is not taken over; undefined when it is. */
  refusal: string | undefined;
}

/**
 * @param views routes of protocol boot in the main table
 * @param nameOf an interface's name by its index
 * @returns those to one of the destinations or through one of the interfaces
 */
export function judgeInherited(
  views: readonly RouteView[],
  { interfaces, destinations }: KnownPods,
  nameOf: (index: number) => string,
): Judgement[] {
  return views.flatMap(view => {
    const [route] = readRoutes(view.bytes);
    if (route === undefined) return [];
    const prefix = `${formatAddress(route.destination)}/${route.prefixLength}`;
    const foreign = route.nexthops.filter(({ interfaceIndex }) => !interfaces.has(interfaceIndex));
    const leadsToPods = route.nexthops.length > foreign.length;
    if (!destinations.has(prefix) && !leadsToPods) return [];
    const via = route.nexthops
      .map(
        ({ gateway, interfaceIndex }) => `${gateway ? formatAddress(gateway) : ''}%${nameOf(interfaceIndex)}`,
      )
      .join(', ');
    const text = `${prefix}${via === '' ? '' : ` via ${via}`}`;
    const metric = defaultMetric[route.family];
    const [other] = foreign;
    let refusal: string | undefined;
    if (!destinations.has(prefix)) refusal = 'no allocation has this anycast address';
    else if (route.type !== RouteType.unicast)
      refusal = 'it is no unicast route (but blackhole, unreachable or the like)';
    else if (route.metric !== metric) refusal = `it has metric ${route.metric}, not the default (${metric})`;
    else if (route.nexthopGroup !== 0) refusal = `it uses nexthop object ${route.nexthopGroup}`;
    else if (other !== undefined)
      refusal = `it leads through ${nameOf(other.interfaceIndex)}, which is no pod's interface`;
    return [{ view, route: text, refusal }];
  });
}
