/**
 * Nexthop objects (ip-nexthop(8), include/uapi/linux/nexthop.h) as packed records: a nexthop, or a group of
 * them, that routes name by its id. They cross the seam in the same batch as routes, in its order.
 *
 * ```
 * header, as long as a route's                   then one nexthop (`record-layout.ts`); for a group
 *  0 u16 length of this record                   its members, each with the id of a nexthop where an
 *  2 u8  operation                               interface index would be, and a weight
 *  3 u8  family of a nexthop, 0 for a group
 *  4 u8  kind
 *  5 u8  protocol, RTPROT_*
 *  6 u16 buckets of a resilient group
 *  8 u32 id
 * 12 u32 idle timer of a resilient group, in hundredths of a second
 * 16 u32 unbalanced timer, the same
 * 20 u8[12] zero
 * 32 u16 number of nexthops or members
 * 34 u8[6] zero
 * ```
 */
import { errnoName } from './errno.ts';
import { headerLength, nexthopLength, nexthopOffsets, recordLength } from './record-layout.ts';

/** What is to be done with an object. In dumps it is 0: the object is there. */
export const ObjectOperation = {
  /** Makes one; EEXIST if its id is taken, and what has it stays as it is. */
  create: 4,
  /** Changes one in place, whoever owns it; ENOENT if there is none, EINVAL for another kind or other buckets. */
  replace: 5,
  /** Deletes one by its id: a nexthop leaves its groups, and with a group's last member go group and routes. */
  delete: 6,
} as const;
export type ObjectOperation = (typeof ObjectOperation)[keyof typeof ObjectOperation];

/** A single nexthop, a group that hashes flows over its members, or a resilient group (`Resilience`). */
export const ObjectKind = { nexthop: 0, group: 1, resilientGroup: 2 } as const;
export type ObjectKind = (typeof ObjectKind)[keyof typeof ObjectKind];

/** How a resilient group keeps flows where they are. */
export interface Resilience {
  /** Number of buckets; a group's can not be changed. */
  buckets: number;
  /** How long a bucket is idle before it may move to a member that has too few, in hundredths of a second. */
  idleTimer: number;
  /** How long a group is out of balance before busy buckets move too, in hundredths of a second; 0 is never. */
  unbalancedTimer: number;
}

/** A nexthop object (ip-nexthop(8)), as routes name it by its id. */
export interface NexthopObject {
  kind: ObjectKind;
  /** From 1. */
  id: number;
  /** Protocol number of its owner, RTPROT_*. */
  protocol: number;
  /** Of a nexthop: 2 (AF_INET) or 10 (AF_INET6). Of a group: 0. */
  family: number;
  /** One packed nexthop; or the members, packed, with ids where interface indexes would be, ascending. */
  nexthops: Uint8Array;
  resilience?: Resilience;
}

const at = {
  kind: 4,
  protocol: 5,
  buckets: 6,
  id: 8,
  idleTimer: 12,
  unbalancedTimer: 16,
  count: 32,
} as const;

/**
 * Whether a request was refused because an object that it names is not there: a group's member, or a route's group.
 *
 * @param errno of the request
 * @param words the text of the kernel's extended ACK (nh_check_attr_group of net/ipv4/nexthop.c; fib_create_info and
 *   ip6_route_info_create), which alone tells it from other invalid requests
 */
export function lacksObject(errno: number, words: string | undefined): boolean {
  return (
    errnoName(errno) === 'EINVAL' && (words === 'Invalid nexthop id' || words === 'Nexthop id does not exist')
  );
}

/** The record that asks for an operation on an object. */
export function packObject(operation: ObjectOperation, object: NexthopObject): Uint8Array {
  const { resilience } = object;
  const nexthops = operation === ObjectOperation.delete ? new Uint8Array(0) : object.nexthops;
  const bytes = new Uint8Array(headerLength + nexthops.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, bytes.length, true);
  view.setUint8(2, operation);
  view.setUint8(3, object.family);
  view.setUint8(at.kind, object.kind);
  view.setUint8(at.protocol, object.protocol);
  view.setUint32(at.id, object.id, true);
  if (resilience !== undefined) {
    view.setUint16(at.buckets, resilience.buckets, true);
    view.setUint32(at.idleTimer, resilience.idleTimer, true);
    view.setUint32(at.unbalancedTimer, resilience.unbalancedTimer, true);
  }
  view.setUint16(at.count, nexthops.length / nexthopLength, true);
  bytes.set(nexthops, headerLength);
  return bytes;
}

/** Reads what `RouteSocket.nexthopObjects` gives. */
export function* readObjects(bytes: Uint8Array): Generator<NexthopObject> {
  for (const start of recordStarts(bytes)) yield objectAt(bytes, start);
}

/** What happened to an object. */
export interface ObjectChange {
  /** It was deleted, rather than made or changed. */
  gone: boolean;
  /** As it is now, or was last. */
  object: NexthopObject;
}

/** Reads what a monitor reports of objects (`KernelChanges`). */
export function* readObjectChanges(bytes: Uint8Array): Generator<ObjectChange> {
  for (const start of recordStarts(bytes))
    yield { gone: bytes[start + 2] === ObjectOperation.delete, object: objectAt(bytes, start) };
}

function* recordStarts(bytes: Uint8Array): Generator<number> {
  for (let start = 0; start < bytes.length; start += recordLength(bytes, start)) yield start;
}

function objectAt(bytes: Uint8Array, start: number): NexthopObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = view.getUint8(start + at.kind) as ObjectKind;
  return {
    kind,
    id: view.getUint32(start + at.id, true),
    protocol: view.getUint8(start + at.protocol),
    family: view.getUint8(start + 3),
    nexthops: bytes.slice(start + headerLength, start + recordLength(bytes, start)),
    ...(kind === ObjectKind.resilientGroup && {
      resilience: {
        buckets: view.getUint16(start + at.buckets, true),
        idleTimer: view.getUint32(start + at.idleTimer, true),
        unbalancedTimer: view.getUint32(start + at.unbalancedTimer, true),
      },
    }),
  };
}

/**
 * @param members ids and weights, by ascending id. Weights are 1 to 65,535; a kernel older than Linux 6.12 is given
 *   255 for more.
 */
export function packMembers(members: readonly { id: number; weight: number }[]): Uint8Array {
  const bytes = new Uint8Array(members.length * nexthopLength);
  const view = new DataView(bytes.buffer);
  for (const [index, { id, weight }] of members.entries()) {
    view.setUint32(index * nexthopLength + nexthopOffsets.interfaceIndex, id, true);
    view.setUint16(index * nexthopLength + nexthopOffsets.weight, weight, true);
  }
  return bytes;
}

/** The members of a group. */
export function membersOf(group: NexthopObject): { id: number; weight: number }[] {
  const { nexthops } = group;
  const view = new DataView(nexthops.buffer, nexthops.byteOffset, nexthops.byteLength);
  return Array.from({ length: nexthops.length / nexthopLength }, (_, index) => ({
    id: view.getUint32(index * nexthopLength + nexthopOffsets.interfaceIndex, true),
    weight: view.getUint16(index * nexthopLength + nexthopOffsets.weight, true),
  }));
}
