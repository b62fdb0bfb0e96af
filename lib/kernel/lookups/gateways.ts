/** The gateways of this network namespace's routes, whichever program made them. */
import { formatAddress } from '../../base/address.ts';
import { mainTable } from '../../base/routing-table.ts';
import {
  AF_INET,
  headerLength,
  nexthopLength,
  nexthopOffsets,
  recordLength,
} from '../socket/record-layout.ts';
import type { RouteSocket } from '../socket/route-socket.ts';

/**
 * `RTPROT_*` of include/uapi/linux/rtnetlink.h: redirect, boot, static, ra, zebra, bird, dhcp, babel, bgp, isis, ospf,
 * rip, eigrp. Ours are not among them: their gateways are pods.
 */
const protocols = [1, 3, 4, 9, 11, 12, 16, 42, 186, 187, 188, 189, 192];

/**
 * Those of the main table: `ip route show`, `ip -6 route show`. It may have a whole Internet of routes, so that the
 * records are read where they lie.
 * @returns canonical texts
 */
export async function routeGateways(socket: Pick<RouteSocket, 'dumpInParts'>): Promise<Set<string>> {
  const gateways = new Set<string>();
  for (const family of [4, 6] as const) {
    const filter = { family, table: mainTable, protocols };
    // A reading that begins again only adds: a gateway of a moment ago does no harm.
    await socket
      .dumpInParts(filter, records => addGateways(records, gateways))
      .catch((error: NodeJS.ErrnoException) => {
        // Changes interrupted every attempt: there are very many routes, and most of them were read.
        if (error.code !== 'EINTR') throw error;
      });
  }
  return gateways;
}

/** Neighbouring routes mostly have the same gateway, which is made a text of once. */
function addGateways(records: Uint8Array, gateways: Set<string>): void {
  let last: Uint8Array = new Uint8Array(0);
  for (let start = 0; start < records.length; start += recordLength(records, start)) {
    const end = start + recordLength(records, start);
    for (let at = start + headerLength; at < end; at += nexthopLength) {
      const family = records[at + nexthopOffsets.gatewayFamily];
      if (family === 0) continue;
      const first = at + nexthopOffsets.gateway;
      const gateway = records.subarray(first, first + (family === AF_INET ? 4 : 16));
      if (isSame(gateway, last)) continue;
      last = gateway;
      gateways.add(formatAddress(gateway));
    }
  }
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}
