/** Packed nexthops and route entries as values, for tests that need no kernel. */
import { parseAddress } from '../../lib/base/address.ts';
import { LinkTable } from '../../lib/kernel/socket/link-table.ts';
import { concatenate } from '../../lib/kernel/socket/nexthops.ts';
import { AF_INET, AF_INET6, nexthopLength, nexthopOffsets } from '../../lib/kernel/socket/record-layout.ts';
import { newEntry, type RouteEntry, type RouteFailure } from '../../lib/kernel/state/route-entry.ts';

export const advertise = 70;
export const hold = 71;
export const protocols = { advertise, hold };
export const four = '192.0.2.1/32';
export const six = '2001:db8::1/128';

/** The nexthop through interface `index` to 10.1.index.2, or fd00:1:index::2. */
export function hop(index: number, { weight = 1, family = 4 as 4 | 6 } = {}): Uint8Array {
  const { bytes } = parseAddress(viaOf(index, family));
  const packed = new Uint8Array(nexthopLength);
  const view = new DataView(packed.buffer);
  view.setUint32(nexthopOffsets.interfaceIndex, index, true);
  view.setUint16(nexthopOffsets.weight, weight, true);
  view.setUint8(nexthopOffsets.gatewayFamily, family === 4 ? AF_INET : AF_INET6);
  packed.set(bytes, nexthopOffsets.gateway);
  return packed;
}

/** The set of these IPv4 nexthops; indexes ascend. */
export function hops(...indexes: number[]): Uint8Array {
  return concatenate(indexes.map(index => hop(index)));
}

/** The same as they are wanted, through interfaces `p<index>`. */
export function wanted(...indexes: number[]) {
  return indexes.map(index => ({ interface: `p${index}`, via: viaOf(index, 4), weight: 1 }));
}

/** Interfaces `p<index>` of that number, all up. */
export function linksOf(...indexes: number[]): LinkTable {
  const links = new LinkTable();
  links.replace(indexes.map(index => ({ name: `p${index}`, index, flags: 1 })));
  return links;
}

export function entryOf(destination: string, fields: Partial<RouteEntry> = {}): RouteEntry {
  return Object.assign(newEntry(destination), fields);
}

export function failureOf(fields: Partial<RouteFailure> = {}): RouteFailure {
  return {
    errno: 113,
    message: 'refused',
    attempts: 1,
    retryAt: 500,
    kind: 'refused',
    tried: hops(),
    search: undefined,
    ...fields,
  };
}

function viaOf(index: number, family: 4 | 6): string {
  return family === 4 ? `10.1.${index}.2` : `fd00:1:${index}::2`;
}
