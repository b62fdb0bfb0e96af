/**
 * The unreachable route that stands behind a prefix which the node announces (`ip route add unreachable PREFIX metric
 * 4294967295`): a packet to an address of it that no pod has is answered, where the default route would send it back to
 * the router. It is in the main table, whatever table our other routes are in: a rule that asks that one first would hide
 * the pods' routes. Every other route of the prefix, or of a part of it, is preferred.
 */
import { addressOf, type Destination } from '../../base/address.ts';
import { mainTable } from '../../base/routing-table.ts';
import { type Operation, offsets, RouteType } from './record-layout.ts';
import type { RouteBatch } from './route-batch.ts';

/** The kernel's largest, in both families. */
const worstMetric = 0xffff_ffff;

/** Whether the record at `start` is such a route, whoever made it. */
export function isPrefixRoute(records: Uint8Array, start = 0): boolean {
  return (
    records[start + offsets.type] === RouteType.unreachable &&
    numberAt(records, start + offsets.metric) === worstMetric &&
    numberAt(records, start + offsets.table) === mainTable
  );
}

/**
 * Adds a request for the route of a prefix to a batch.
 *
 * @param prefix in canonical form, such as `10.244.3.0/24`
 * @param protocol route protocol number, RTPROT_*
 */
export function addPrefixRoute(
  batch: RouteBatch,
  operation: Operation,
  prefix: Destination,
  protocol: number,
): void {
  const { family, bytes } = addressOf(prefix);
  batch.add({
    operation,
    family,
    destination: bytes,
    prefixLength: Number(prefix.slice(prefix.lastIndexOf('/') + 1)),
    protocol,
    table: mainTable,
    metric: worstMetric,
    type: RouteType.unreachable,
    nexthops: [],
  });
}

function numberAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}
