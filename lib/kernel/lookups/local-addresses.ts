/** The addresses that this network namespace answers itself: its kernel's table `local`. */
import { formatAddress } from '../../base/address.ts';
import { localTable } from '../../base/routing-table.ts';
import { readRoutes } from '../socket/route-record.ts';
import type { RouteSocket } from '../socket/route-socket.ts';

/** `RTPROT_KERNEL` of include/uapi/linux/rtnetlink.h. */
const kernelProtocol = 2;

/**
 * Those of every interface that is up, with or without carrier, loopback's and each subnet's broadcast address too:
 * `ip route show table local`.
 * @returns canonical texts
 */
export async function localAddresses(socket: Pick<RouteSocket, 'dump'>): Promise<Set<string>> {
  const addresses = new Set<string>();
  for (const family of [4, 6] as const) {
    const dump = await socket.dump({ family, table: localTable, protocols: [kernelProtocol] });
    for (const { destination, prefixLength } of readRoutes(dump)) {
      if (prefixLength === destination.length * 8) addresses.add(formatAddress(destination));
    }
  }
  return addresses;
}
