/** Packs route records into one growing buffer, for one `apply` call. */
import { FlockError } from '../../base/errors.ts';
import { compareNexthop } from './nexthops.ts';
import {
  AF_INET,
  AF_INET6,
  headerLength,
  maximumNexthops,
  maximumWeight,
  nexthopLength,
  nexthopOffsets,
  type Operation,
  offsets,
  RouteScope,
  RouteType,
} from './record-layout.ts';
import type { NexthopRecord, RouteRecord } from './route-record.ts';

/** A host route, the only kind that we make, on its way into a batch. */
export interface HostRoute {
  operation: Operation;
  /** 4 or 16 bytes in network order; their number is the family. */
  destination: Uint8Array;
  table: number;
  metric: number;
  protocol: number;
  type: number;
  /** Packed nexthops in canonical order; none for a delete, or where a group stands for them. */
  nexthops: Uint8Array;
  /** The id of a nexthop group; 0 for none. */
  group: number;
}

/** Requests for one `RouteSocket.apply`, in the order in which they were added. */
export class RouteBatch {
  /** Zero beyond the end: of an address only the bytes that it has are written. */
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #end = 0;
  #length = 0;

  /** `capacity` in bytes is what is reserved at first; it grows by doubling and is kept over `clear()`. */
  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(Math.max(capacity, headerLength));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Number of records. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends a record; what is in it is copied, nexthops in canonical order.
   * Throws FLOCK_RECORD_INVALID for what does not fit the format, and then nothing is appended.
   */
  add(record: RouteRecord): void {
    const { nexthops } = record;
    if (nexthops.length > maximumNexthops) {
      throw invalid('nexthops', nexthops.length, `a route has ${maximumNexthops} at most`);
    }
    const length = headerLength + nexthops.length * nexthopLength;
    const start = this.#reserve(length);
    try {
      this.#write(start, length, record);
    } catch (error) {
      this.#bytes.fill(0, start, start + length);
      throw error;
    }
    this.#end = start + length;
    this.#length++;
  }

  #write(start: number, length: number, record: RouteRecord): void {
    const { nexthops, family } = record;
    const view = this.#view;
    view.setUint16(start + offsets.length, length, true);
    view.setUint8(start + offsets.operation, record.operation);
    view.setUint8(start + offsets.family, family === 4 ? AF_INET : AF_INET6);
    view.setUint8(start + offsets.prefixLength, record.prefixLength);
    view.setUint8(start + offsets.protocol, record.protocol);
    view.setUint8(start + offsets.type, record.type ?? RouteType.unicast);
    view.setUint8(start + offsets.scope, record.scope ?? RouteScope.universe);
    view.setUint32(start + offsets.table, record.table, true);
    view.setUint32(start + offsets.metric, record.metric, true);
    if (record.destination.length !== (family === 4 ? 4 : 16)) {
      throw invalid(
        'destination',
        record.destination,
        `an IPv${family} address has ${family === 4 ? 4 : 16} bytes`,
      );
    }
    if (!(record.prefixLength >= 0 && record.prefixLength <= record.destination.length * 8)) {
      throw invalid(
        'prefixLength',
        record.prefixLength,
        `an IPv${family} prefix has ${record.destination.length * 8} bits at most`,
      );
    }
    this.#address(start + offsets.destination, record.destination);
    view.setUint16(start + offsets.nexthopCount, nexthops.length, true);
    view.setUint16(start + offsets.flags, record.flags ?? 0, true);
    view.setUint32(start + offsets.nexthopGroup, record.nexthopGroup ?? 0, true);
    for (let i = 0; i < nexthops.length; i++) {
      this.#nexthop(start + headerLength, i, nexthops[i] as NexthopRecord);
    }
  }

  /** Appends records that are packed already, such as a part of a dump; `count` is their number. */
  addPacked(bytes: Uint8Array, count: number): void {
    const start = this.#reserve(bytes.length);
    this.#bytes.set(bytes, start);
    this.#end = start + bytes.length;
    this.#length += count;
  }

  /** Appends a host route of packed nexthops; what is in it is copied, and taken to fit the format. */
  addHostRoute(route: HostRoute): void {
    const { destination, nexthops } = route;
    const length = headerLength + nexthops.length;
    const start = this.#reserve(length);
    const view = this.#view;
    view.setUint16(start + offsets.length, length, true);
    view.setUint8(start + offsets.operation, route.operation);
    view.setUint8(start + offsets.family, destination.length === 4 ? AF_INET : AF_INET6);
    view.setUint8(start + offsets.prefixLength, destination.length * 8);
    view.setUint8(start + offsets.protocol, route.protocol);
    view.setUint8(start + offsets.type, route.type);
    view.setUint8(start + offsets.scope, RouteScope.universe);
    view.setUint32(start + offsets.table, route.table, true);
    view.setUint32(start + offsets.metric, route.metric, true);
    this.#address(start + offsets.destination, destination);
    view.setUint16(start + offsets.nexthopCount, nexthops.length / nexthopLength, true);
    view.setUint16(start + offsets.flags, 0, true);
    view.setUint32(start + offsets.nexthopGroup, route.group, true);
    const bytes = this.#bytes;
    // A call of set() costs more than the loop for the one or two nexthops that most routes have.
    if (nexthops.length > 2 * nexthopLength) bytes.set(nexthops, start + headerLength);
    else
      for (let at = 0; at < nexthops.length; at++) bytes[start + headerLength + at] = nexthops[at] as number;
    this.#end = start + length;
    this.#length++;
  }

  /** The records' bytes: a view that the next `add` or `clear` invalidates. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#end);
  }

  /** Forgets the records and keeps the memory. */
  clear(): void {
    this.#bytes.fill(0, 0, this.#end);
    this.#end = 0;
    this.#length = 0;
  }

  #reserve(length: number): number {
    const wanted = this.#end + length;
    if (wanted > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
      bytes.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return this.#end;
  }

  #nexthop(first: number, index: number, nexthop: NexthopRecord): void {
    const { gateway, weight = 1 } = nexthop;
    if (!(weight >= 1 && weight <= maximumWeight)) {
      throw invalid(`nexthops[${index}].weight`, weight, `a weight is from 1 to ${maximumWeight}`);
    }
    if (gateway !== undefined && gateway.length !== 4 && gateway.length !== 16) {
      throw invalid(`nexthops[${index}].gateway`, gateway, 'an address has 4 or 16 bytes');
    }
    const at = first + index * nexthopLength;
    const view = this.#view;
    view.setUint32(at + nexthopOffsets.interfaceIndex, nexthop.interfaceIndex, true);
    view.setUint16(at + nexthopOffsets.weight, weight, true);
    view.setUint8(
      at + nexthopOffsets.gatewayFamily,
      gateway === undefined ? 0 : gateway.length === 4 ? AF_INET : AF_INET6,
    );
    view.setUint8(at + nexthopOffsets.flags, nexthop.flags ?? 0);
    this.#address(at + nexthopOffsets.gateway, gateway);
    this.#sink(first, index);
  }

  /** Moves the last nexthop to its place among those before it, which are in order; mostly it is there. */
  #sink(first: number, last: number): void {
    const bytes = this.#bytes;
    let place = last;
    const end = first + last * nexthopLength;
    while (place > 0 && compareNexthop(bytes, bytes, first + (place - 1) * nexthopLength, end) > 0) place--;
    if (place === last) return;
    const from = first + place * nexthopLength;
    const moved = bytes.slice(end, end + nexthopLength);
    bytes.copyWithin(from + nexthopLength, from, end);
    bytes.set(moved, from);
  }

  #address(at: number, address: Uint8Array | undefined): void {
    if (address === undefined) return;
    const bytes = this.#bytes;
    for (let i = 0; i < address.length; i++) bytes[at + i] = address[i] as number;
  }
}

function invalid(field: string, value: unknown, remedy: string): FlockError {
  return new FlockError('FLOCK_RECORD_INVALID', `route record: ${field} is invalid`, { value, remedy });
}
