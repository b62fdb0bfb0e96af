/** Reads a packed record in place, and makes requests from one, without an object for each nexthop. */
import { type Destination, type Family, formatAddress } from '../../base/address.ts';
import { AF_INET, headerLength, Operation, offsets, RouteType, recordLength } from './record-layout.ts';

/** One record of a dump or a notification, read in place; valid while its bytes are. */
export class RouteView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get family(): Family {
    return this.#view.getUint8(offsets.family) === AF_INET ? 4 : 6;
  }

  get operation(): Operation {
    return this.#view.getUint8(offsets.operation) as Operation;
  }

  get protocol(): number {
    return this.#view.getUint8(offsets.protocol);
  }

  get metric(): number {
    return this.#view.getUint32(offsets.metric, true);
  }

  get prefixLength(): number {
    return this.#view.getUint8(offsets.prefixLength);
  }

  /** 4 or 16 bytes in network order. */
  get destination(): Uint8Array {
    return this.bytes.subarray(offsets.destination, offsets.destination + addressLength(this.bytes, 0));
  }

  /** The id of the nexthop group by which it leads there; 0 for none. */
  get group(): number {
    return this.#view.getUint32(offsets.nexthopGroup, true);
  }

  /** The packed nexthops. */
  get nexthops(): Uint8Array {
    return this.bytes.subarray(headerLength);
  }

  get isOurKind(): boolean {
    return isOurKind(this.bytes, 0);
  }
}

/** Whether the record at `start` is a host prefix of plain nexthops: the only kind of route that we make. */
export function isOurKind(records: Uint8Array, start: number): boolean {
  return (
    records[start + offsets.prefixLength] === addressLength(records, start) * 8 &&
    records[start + offsets.type] === RouteType.unicast
  );
}

/** Bytes of an address in the record that begins at `start`: 4 or 16. */
export function addressLength(records: Uint8Array, start: number): number {
  return records[start + offsets.family] === AF_INET ? 4 : 16;
}

/** @param bytes whole records, as `dump` and `monitor` give them */
export function* viewRoutes(bytes: Uint8Array): Generator<RouteView> {
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + recordLength(bytes, offset);
    yield new RouteView(bytes.subarray(offset, end));
    offset = end;
  }
}

/** The prefix of a route: of our kind, a destination. */
export function destinationOfView(view: RouteView): Destination {
  return `${formatAddress(view.destination)}/${view.prefixLength}`;
}

/**
 * The request that writes the route in `view` to a place, under a protocol number. A copy carries its
 * own nexthops where the kernel reports them: it does not depend on a group that is identified by another protocol.
 */
export function packCopy(
  view: RouteView,
  target: { operation: Operation; table: number; metric: number; protocol: number },
): Uint8Array {
  const bytes = view.bytes.slice();
  const header = new DataView(bytes.buffer);
  header.setUint8(offsets.operation, target.operation);
  header.setUint8(offsets.protocol, target.protocol);
  header.setUint32(offsets.table, target.table, true);
  header.setUint32(offsets.metric, target.metric, true);
  if (view.nexthops.length > 0) header.setUint32(offsets.nexthopGroup, 0, true);
  return bytes;
}

/** The request that deletes the route in `view`, and no other. */
export function packDeletion(view: RouteView): Uint8Array {
  const bytes = view.bytes.slice(0, headerLength);
  const header = new DataView(bytes.buffer);
  header.setUint16(offsets.length, headerLength, true);
  header.setUint8(offsets.operation, Operation.delete);
  header.setUint16(offsets.nexthopCount, 0, true);
  return bytes;
}

/** The request that replaces the route in `view` by the same route under another protocol number. */
export function packRetagging(view: RouteView, protocol: number): Uint8Array {
  const bytes = view.bytes.slice();
  bytes[offsets.operation] = Operation.replace;
  bytes[offsets.protocol] = protocol;
  return bytes;
}
