/** The kernel's side of an agent, put together: the route table, what it knows of interfaces, and its kernel I/O. */
import type { Destination } from '../base/address.ts';
import type { Log } from '../base/log.ts';
import type { TimeSlice } from '../base/time-slice.ts';
import type { GroupForm } from './groups/group-form.ts';
import { type KernelSocket, RouteProgrammer } from './route-programmer.ts';
import { RouteTable } from './route-table.ts';
import { LinkTable } from './socket/link-table.ts';
import type { RouteProtocols } from './state/route-entry.ts';

/** What the parts of a kernel side share. */
export interface KernelSideOptions {
  socket: KernelSocket;
  /** What makes a route ours: routing table (254 is main), metric and the two route protocol numbers. */
  routes: { table: number; metric: number; protocols: RouteProtocols };
  /** Which kind of nexthop group routes lead through. Default: none, each route has its own nexthops. */
  groups?: GroupForm | undefined;
  /** How long a withdrawn route still forwards before it is removed, in milliseconds. */
  settleMs: number;
  /** Between two readings of the kernel without a cause, in milliseconds. */
  auditMs: number;
  /** Whether something besides the route's tag still announces a destination (`RouteTable`). Default: nothing does. */
  stillAnnounced?: (destination: Destination) => boolean;
  /** The clock, in milliseconds. */
  now: () => number;
  log: Log;
  /** What a large change is sliced by. Default: slices of its own. */
  slice?: TimeSlice | undefined;
}

/** `table` takes what is wanted, `programmer` makes the kernel follow it, `links` names interfaces. */
export interface KernelSide {
  links: LinkTable;
  table: RouteTable;
  programmer: RouteProgrammer;
}

/** Puts the parts together; `programmer.start()` begins to listen to the kernel. */
export function createKernelSide(options: KernelSideOptions): KernelSide {
  const { socket, routes, groups, settleMs, auditMs, stillAnnounced, now, log, slice } = options;
  const { table: tableId, metric, protocols } = routes;
  const links = new LinkTable();
  const table = new RouteTable({
    table: tableId,
    metric,
    protocols,
    settleMs,
    links,
    groups,
    ...(stillAnnounced && { stillAnnounced }),
  });
  const programmer = new RouteProgrammer({
    socket,
    table,
    links,
    owned: { table: tableId, metric, protocols: [protocols.advertise, protocols.hold] },
    auditMs,
    now,
    log,
    ...(slice && { slice }),
  });
  return { links, table, programmer };
}
