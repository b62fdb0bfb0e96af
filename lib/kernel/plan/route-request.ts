/** What a pass asks of the kernel for one destination, and the record that asks for it. */
import { emptyNexthops } from '../socket/nexthops.ts';
import { Operation, RouteType } from '../socket/record-layout.ts';
import type { RouteBatch } from '../socket/route-batch.ts';
import type { RouteEntry, RouteProtocols } from '../state/route-entry.ts';

/** What a pass asks of the kernel for one destination; the only object that a destination costs in a pass. */
export interface RouteRequest {
  readonly entry: RouteEntry;
  /**
   * `hold` withdraws the announcement and keeps forwarding. `putTombstone` writes an unreachable route that is not
   * announced, to be deleted next: BIRD is notified of both, and withdraws a destination whose loss it was not
   * notified of.
   */
  readonly kind: 'create' | 'replace' | 'hold' | 'putTombstone' | 'delete';
  /** What the route is to lead through; empty for none. */
  readonly nexthops: Uint8Array;
  /** Whether it carries all that is wanted, rather than a part that is tried. */
  readonly whole: boolean;
  /** The id of the nexthop group to name instead of the nexthops; 0 for none. */
  group: number;
  /** The entry's when it was put into the batch. */
  revision: number;
  /** Its place in the batch, or that of its group's change when this is all it needs. */
  at: number;
}

export function requestTo(
  kind: RouteRequest['kind'],
  entry: RouteEntry,
  nexthops = emptyNexthops,
  whole = false,
): RouteRequest {
  return { entry, kind, nexthops, whole, group: 0, revision: entry.revision, at: 0 };
}

/** The tag of a route that a request writes. */
export function protocolOf({ kind }: RouteRequest, { advertise, hold }: RouteProtocols): number {
  return kind === 'create' || kind === 'replace' ? advertise : hold;
}

/** Puts a request into a batch. */
export function addRequest(
  batch: RouteBatch,
  request: RouteRequest,
  { table, metric, protocols }: { table: number; metric: number; protocols: RouteProtocols },
): void {
  const { kind, group } = request;
  const { bytes: destination, programmed } = request.entry;
  const nexthops = group === 0 ? request.nexthops : emptyNexthops;
  let operation: Operation = Operation.replace;
  let protocol = protocolOf(request, protocols);
  let type: number = RouteType.unicast;
  if (kind === 'delete') {
    operation = Operation.delete;
    protocol = programmed?.protocol ?? protocols.hold;
  } else if (kind === 'putTombstone') {
    operation = Operation.create;
    type = RouteType.unreachable;
  } else if (kind === 'create') {
    operation = Operation.create;
  }
  batch.addHostRoute({ operation, destination, table, metric, protocol, type, nexthops, group });
}
