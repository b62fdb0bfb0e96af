/**
 * Packed route records: how routes cross the seam between JavaScript and the addon.
 *
 * A batch is a concatenation of records, each a 40-byte header followed by 24 bytes per nexthop, little endian,
 * so that every record begins at a multiple of four. native/src/packed_record.h is the other side.
 *
 * ```
 * header                                         nexthop
 *  0 u16 length of this record                    0 u32 interface index
 *  2 u8  operation                                4 u16 weight, 1..256, of a group's member 1..65535
 *  3 u8  family, 2 (AF_INET) or 10 (AF_INET6)     6 u8  gateway family, 0 (none), 2 or 10
 *  4 u8  prefix length                            7 u8  flags, RTNH_F_*
 *  5 u8  protocol, RTPROT_*                       8 u8[16] gateway, the first 4 for IPv4
 *  6 u8  type, RTN_*
 *  7 u8  scope, RT_SCOPE_*
 *  8 u32 table
 * 12 u32 metric
 * 16 u8[16] destination, the first 4 for IPv4
 * 32 u16 number of nexthops
 * 34 u16 flags, RTM_F_*, read only
 * 36 u32 nexthop group, 0 is none
 * ```
 *
 * Nexthops are in canonical order (interface index, gateway family, gateway, weight): equal sets are equal bytes.
 */

/** What is to be done with a record, or what was. */
export const Operation = {
  /** In dumps: the route is there. */
  none: 0,
  /** Replaces the route at the same table, prefix and metric, whoever owns it; ENOENT if there is none. */
  replace: 1,
  /** Makes a route; EEXIST if there is one at the same table, prefix and metric, and it stays as it is. */
  create: 2,
  /** Deletes by table, prefix, metric and protocol; ESRCH if there is none of this protocol. */
  delete: 3,
} as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

/** `type` of a route, rtnetlink(7). */
export const RouteType = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;

/** `scope` of a route, rtnetlink(7): `link` for IPv4 without a gateway, `universe` for all else. */
export const RouteScope = { universe: 0, link: 253 } as const;

/** `flags` of a nexthop, include/uapi/linux/rtnetlink.h. Only `onlink` can be set, the kernel reports the others. */
export const NexthopFlag = { dead: 1, onlink: 4, linkdown: 16 } as const;

/** Bytes of a record before its nexthops. */
export const headerLength = 40;
/** Bytes of each nexthop. */
export const nexthopLength = 24;
/** What a record may have; the kernel takes as many as fit 65,535 bytes of RTA_MULTIPATH. */
export const maximumNexthops = 2048;
/** Of a nexthop in a route. */
export const maximumWeight = 256;

/** Where a record's fields are, for code that compares packed records without making objects. */
export const offsets = {
  length: 0,
  operation: 2,
  family: 3,
  prefixLength: 4,
  protocol: 5,
  type: 6,
  scope: 7,
  table: 8,
  metric: 12,
  destination: 16,
  nexthopCount: 32,
  flags: 34,
  nexthopGroup: 36,
  nexthops: 40,
} as const;

/** Where a nexthop's fields are, from its own start. */
export const nexthopOffsets = {
  interfaceIndex: 0,
  weight: 4,
  gatewayFamily: 6,
  flags: 7,
  gateway: 8,
} as const;

/** Address families of socket(2), as the records carry them. */
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Length in bytes of the record that begins at `offset`. */
export function recordLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}
