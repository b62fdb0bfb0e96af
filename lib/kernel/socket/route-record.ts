/** Route records as objects, and comparing packed ones without making objects; `record-layout.ts` has the format. */
import { FlockError } from '../../base/errors.ts';
import { configuredAlike } from './nexthops.ts';
import {
  AF_INET,
  headerLength,
  nexthopLength,
  nexthopOffsets,
  type Operation,
  offsets,
  recordLength,
} from './record-layout.ts';

export * from './record-layout.ts';

/** One nexthop of a route. */
export interface NexthopRecord {
  /** The interface's index; 0 lets the kernel find it by the gateway (a single nexthop only). */
  interfaceIndex: number;
  /** 4 or 16 bytes; absent, the destination is on the link. IPv4 takes an IPv6 gateway, IPv6 no IPv4 one. */
  gateway?: Uint8Array | undefined;
  /** 1 to 256, default 1. A route with one nexthop has no weight: it reads back as 1. */
  weight?: number | undefined;
  /** {@link NexthopFlag} bits, default 0. */
  flags?: number | undefined;
}

/** A route, or a request about one: what `RouteBatch.add` takes and `readRoutes` gives. */
export interface RouteRecord {
  operation: Operation;
  family: 4 | 6;
  /** 4 or 16 bytes, after the family. */
  destination: Uint8Array;
  /** In bits. */
  prefixLength: number;
  /** Who made it, RTPROT_* of rtnetlink(7): 3 boot, 4 static, 12 BIRD; rt_protos of iproute2 lists more. */
  protocol: number;
  /** Routing table, 254 is main. */
  table: number;
  /** 0 is the kernel's default: 0 in IPv4, 1024 in IPv6; in a delete it is any metric. */
  metric: number;
  /** {@link RouteType}, default unicast. */
  type?: number | undefined;
  /** {@link RouteScope}, default universe. */
  scope?: number | undefined;
  /** RTM_F_* below 0x10000, as the kernel reports them; not sent. */
  flags?: number | undefined;
  /** RTA_NH_ID; other than 0 it is sent instead of the nexthops. */
  nexthopGroup?: number | undefined;
  /** One is a plain route, two or more are RTA_MULTIPATH. Not sent with a delete. */
  nexthops: readonly NexthopRecord[];
}

/**
 * Whether two packed records lead to the same place: type, nexthop group and nexthops. What the kernel alone
 * reports (dead, linkdown, route flags) does not count; nor does what names the route (prefix, table, metric,
 * protocol) and the operation, which the caller has matched already.
 */
export function leadsSameWay(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  const length = recordLength(a, aOffset);
  if (length !== recordLength(b, bOffset)) return false;
  if (a[aOffset + offsets.type] !== b[bOffset + offsets.type]) return false;
  for (let at = offsets.nexthopGroup; at < headerLength; at++)
    if (a[aOffset + at] !== b[bOffset + at]) return false;
  return configuredAlike(a, aOffset + headerLength, b, bOffset + headerLength, length - headerLength);
}

/** Walks a batch, one object a record. For reading few; a diff compares bytes at {@link offsets}. */
export function* readRoutes(bytes: Uint8Array): Generator<RouteRecord, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.length; ) {
    const length = checkedLength(view, offset);
    const family = view.getUint8(offset + offsets.family) === AF_INET ? 4 : 6;
    const destination = offset + offsets.destination;
    const count = view.getUint16(offset + offsets.nexthopCount, true);
    const nexthops: NexthopRecord[] = [];
    for (let i = 0; i < count; i++) {
      nexthops.push(readNexthop(bytes, view, offset + headerLength + i * nexthopLength));
    }
    yield {
      operation: view.getUint8(offset + offsets.operation) as Operation,
      family,
      destination: bytes.slice(destination, destination + (family === 4 ? 4 : 16)),
      prefixLength: view.getUint8(offset + offsets.prefixLength),
      protocol: view.getUint8(offset + offsets.protocol),
      table: view.getUint32(offset + offsets.table, true),
      metric: view.getUint32(offset + offsets.metric, true),
      type: view.getUint8(offset + offsets.type),
      scope: view.getUint8(offset + offsets.scope),
      flags: view.getUint16(offset + offsets.flags, true),
      nexthopGroup: view.getUint32(offset + offsets.nexthopGroup, true),
      nexthops,
    };
    offset += length;
  }
}

function readNexthop(bytes: Uint8Array, view: DataView, at: number): NexthopRecord {
  const gatewayFamily = view.getUint8(at + nexthopOffsets.gatewayFamily);
  const gateway = at + nexthopOffsets.gateway;
  return {
    interfaceIndex: view.getUint32(at + nexthopOffsets.interfaceIndex, true),
    gateway:
      gatewayFamily === 0 ? undefined : bytes.slice(gateway, gateway + (gatewayFamily === AF_INET ? 4 : 16)),
    weight: view.getUint16(at + nexthopOffsets.weight, true),
    flags: view.getUint8(at + nexthopOffsets.flags),
  };
}

function checkedLength(view: DataView, offset: number): number {
  const rest = view.byteLength - offset;
  const length = rest < headerLength ? 0 : view.getUint16(offset + offsets.length, true);
  if (
    length > rest ||
    length === 0 ||
    length !== headerLength + view.getUint16(offset + offsets.nexthopCount, true) * nexthopLength
  ) {
    throw new FlockError('FLOCK_RECORD_INVALID', `no whole route record at byte ${offset}`, {
      value: offset,
      remedy: 'Give readRoutes a whole batch, such as dump() gives.',
    });
  }
  return length;
}
