/** Which links lead to an IPv6 default route that came by router advertisements. */
import { mainTable } from '../../base/routing-table.ts';
import { readRoutes } from '../socket/route-record.ts';
import type { RouteSocket } from '../socket/route-socket.ts';

/** `RTPROT_RA` of include/uapi/linux/rtnetlink.h; systemd-networkd uses it too. */
const raProtocol = 9;

/**
 * Those of the main table: `ip -6 route show default proto ra`.
 * @returns names
 * @throws NativeError when the kernel can not be read
 */
export async function advertisedDefaults(socket: Pick<RouteSocket, 'dump' | 'links'>): Promise<string[]> {
  const dump = await socket.dump({ family: 6, table: mainTable, protocols: [raProtocol] });
  const indexes = new Set<number>();
  for (const { prefixLength, nexthops } of readRoutes(dump)) {
    if (prefixLength === 0) for (const { interfaceIndex } of nexthops) indexes.add(interfaceIndex);
  }
  if (indexes.size === 0) return [];
  return (await socket.links()).filter(({ index }) => indexes.has(index)).map(({ name }) => name);
}
