/**
 * One destination in the route table: what is wanted of it, what the kernel holds, and why the two may differ.
 */
import { addressOf, type Destination, type Family } from '../../base/address.ts';
import type { DesiredTarget } from '../../desired/desired-table.ts';
import { emptyNexthops } from '../socket/nexthops.ts';

/** What the kernel holds for a destination under our protocol numbers. */
export interface Programmed {
  readonly protocol: number;
  /** Packed nexthops in canonical order. */
  readonly nexthops: Uint8Array;
  /** The id of the nexthop group by which it leads there; 0 where it carries its own nexthops. */
  readonly group: number;
}

let lastProgrammed: Programmed = { protocol: 0, nexthops: emptyNexthops, group: 0 };

/**
 * Makes what is believed of a destination. The last one made is kept: destinations that are served alike come one after
 * the other, and share the object.
 */
export function programmedAs(protocol: number, nexthops: Uint8Array, group: number): Programmed {
  const last = lastProgrammed;
  if (last.protocol === protocol && last.nexthops === nexthops && last.group === group) return last;
  lastProgrammed = { protocol, nexthops, group };
  return lastProgrammed;
}

/** Why the kernel does not hold what is wanted. */
export interface RouteFailure {
  errno: number;
  /** The text of the kernel's extended ACK, or the meaning of the errno. */
  message: string;
  attempts: number;
  /** When the whole of what is wanted is tried again, in milliseconds of the clock. */
  retryAt: number;
  /**
   * `refused`: by the kernel. `conflict`: another owner's route has our prefix and metric. `contested`: other
   * software keeps changing ours, and restoring it waits.
   */
  kind: 'refused' | 'conflict' | 'contested';
  /** What the request carried that failed last. */
  tried: Uint8Array;
  /** The search for what works of a refused set; undefined where one nexthop is all there is. */
  search: NexthopSearch | undefined;
}

/**
 * One pod's bad nexthop must take no sibling down. What the kernel already holds of the wanted set is written
 * first, to prove it (a gateway can turn bad in a route that stands); then each of the others beside it.
 */
export interface NexthopSearch {
  stage: 'prove' | 'grow' | 'done';
  /** What was accepted so far. */
  good: Uint8Array;
  /** Which of the wanted nexthops is tried next. */
  next: number;
}

/** Whether others changed or deleted a route, or it went with its nexthop group. */
export type RouteLoss = 'alone' | 'with its group';

export interface RouteEntry {
  readonly destination: Destination;
  readonly family: Family;
  readonly bytes: Uint8Array;
  desired: DesiredTarget;
  programmed: Programmed | undefined;
  /** On the agenda of a pass. */
  pending: boolean;
  /** Since when the kernel holds it withdrawn, in milliseconds of the clock, as far as we know. */
  heldSince: number | undefined;
  /** When a leaving route is removed, in milliseconds of the clock; undefined while it is not leaving. */
  removeAt: number | undefined;
  failure: RouteFailure | undefined;
  /** How often others' changes were undone lately, by what it lost its route with. */
  drift: ({ since: number; reported: boolean } & Record<RouteLoss, number>) | undefined;
  /** To be written again although the kernel is right: what BIRD was notified of is not what is there. */
  rewrite: boolean;
  /** Vanished without a notification: a tombstone is put when it does not come back, so that BIRD is notified. */
  silentlyLost: boolean;
  /** The last reading of the kernel that found it. */
  readAt: number;
  /** Counts what others did to it, so that an outcome that crossed with it is not believed. */
  revision: number;
  /** The next one in the index whose bytes have the same hash. */
  next: RouteEntry | undefined;
}

const nothingDesired: DesiredTarget = { nexthops: [] };

export function newEntry(destination: Destination): RouteEntry {
  const { family, bytes } = addressOf(destination);
  return {
    destination,
    family,
    bytes,
    desired: nothingDesired,
    programmed: undefined,
    pending: false,
    heldSince: undefined,
    removeAt: undefined,
    failure: undefined,
    drift: undefined,
    rewrite: false,
    silentlyLost: false,
    readAt: 0,
    revision: 0,
    next: undefined,
  };
}

/** The two tags of our routes: `advertise` is announced and forwards, `hold` forwards only. */
export interface RouteProtocols {
  advertise: number;
  hold: number;
}

/** `heldSince` of a route that can not be held, or need not be: it is removed without a pause. */
export const notHeld = Number.NEGATIVE_INFINITY;

/** A destination as it is now: its fields change with the table. */
export type AnnouncedRoute = Readonly<Pick<RouteEntry, 'destination' | 'bytes' | 'programmed'>>;
