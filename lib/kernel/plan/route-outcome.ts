/** What a request's outcome proves about one destination. Pure. */

import { describeErrno, errnoName } from '../socket/errno.ts';
import { countNexthops, emptyNexthops } from '../socket/nexthops.ts';
import { outcomeUnknown } from '../socket/route-socket.ts';
import {
  type NexthopSearch,
  notHeld,
  type Programmed,
  programmedAs,
  type RouteEntry,
  type RouteFailure,
  type RouteProtocols,
  type RouteRequest,
} from '../state/route-entry.ts';

/** Something that happened to a destination's route, for the log, the metrics and the status. */
export interface RouteEvent {
  kind: 'advertise' | 'hold' | 'remove' | 'disown' | 'fail' | 'conflict' | 'contested';
  destination: string;
  /** Packed nexthops that the request carried; the ones that were held for a removal. */
  nexthops: Uint8Array;
  /** The kernel's words, for what failed. */
  message?: string;
}

export interface Settlement {
  /** What we believe the kernel holds now. */
  programmed: Programmed | undefined;
  /** Undefined when it is the same failure as before: told once. */
  event: RouteEvent | undefined;
  /** The kernel must be read before it is written again. */
  suspect: boolean;
  /** What was asked is what was wanted: nothing is left to do. Absent, the next pass looks. */
  done?: boolean;
}

/** First and longest pause before what failed is tried again, in milliseconds. */
const retryMs = { first: 500, longest: 30_000 };

/**
 * Takes the outcome of one request into the entry.
 *
 * @param errno 0, the request's errno, or -1 for unknown
 * @param words the kernel's extended ACK, where it had some
 * @param now the clock, in milliseconds
 */
export function settleRequest(
  request: RouteRequest,
  errno: number,
  words: string | undefined,
  protocols: RouteProtocols,
  now: number,
): Settlement {
  const { entry, nexthops, group, whole } = request;
  const { programmed, destination } = entry;
  if (errno === outcomeUnknown) return { programmed, event: undefined, suspect: true };
  if (request.kind === 'delete') return settleDelete(entry, errno, words, now);
  if (request.kind === 'disown') return settleDisowning(entry, errno, protocols);
  if (errno !== 0) return settleRefusal(request, errno, words, now);

  entry.touch = false;
  entry.silentlyLost = false;
  const kind = request.kind === 'hold' ? 'hold' : 'advertise';
  entry.heldSince = kind === 'hold' ? (entry.heldSince ?? now) : undefined;
  if (whole) entry.failure = undefined;
  else if (kind !== 'hold') continueSearch(entry.failure?.search, nexthops);
  return {
    programmed: programmedAs(protocols[kind], nexthops, group),
    event: { kind, destination, nexthops },
    suspect: false,
    done: whole,
  };
}

/** Deleting what is already gone, with its interface too, is success. */
function settleDelete(entry: RouteEntry, errno: number, words: string | undefined, now: number): Settlement {
  const { destination, programmed } = entry;
  const nexthops = programmed?.nexthops ?? emptyNexthops;
  if (errno === 0 || ['ESRCH', 'ENODEV', 'ENOENT'].includes(errnoName(errno))) {
    entry.heldSince = undefined;
    entry.removeAt = undefined;
    if (entry.failure?.kind !== 'conflict') entry.failure = undefined;
    const event: RouteEvent = { kind: 'remove', destination, nexthops };
    return { programmed: undefined, event, suspect: false, done: entry.desired.nexthops.length === 0 };
  }
  // Still there: the next attempt waits as long as any other retry.
  const failure = nextFailure(entry, errno, words, now);
  entry.removeAt = failure.retryAt;
  const message = `can not remove it: ${failure.message}`;
  return { programmed, event: { kind: 'fail', destination, nexthops, message }, suspect: true };
}

/** What was put up is ours and held, so that it is deleted at once. Where another's route is, BIRD knows that. */
function settleDisowning(entry: RouteEntry, errno: number, { hold }: RouteProtocols): Settlement {
  entry.silentlyLost = false;
  if (errno !== 0) return { programmed: undefined, event: undefined, suspect: false };
  entry.heldSince = notHeld;
  const event: RouteEvent = { kind: 'disown', destination: entry.destination, nexthops: emptyNexthops };
  return { programmed: programmedAs(hold, emptyNexthops, 0), event, suspect: false };
}

function settleRefusal(
  { entry, kind, nexthops, whole, group }: RouteRequest,
  errno: number,
  words: string | undefined,
  now: number,
): Settlement {
  const { destination, programmed } = entry;
  const name = errnoName(errno);
  const untold = { programmed, event: undefined };
  if (kind !== 'create' && name === 'ENOENT') {
    // What we replace has vanished: nothing was overwritten, and it is created next.
    return { programmed: undefined, event: undefined, suspect: false };
  }
  if (kind === 'hold') {
    // A nexthop that went with its interface can not be held either: remove it.
    entry.heldSince = notHeld;
    return { ...untold, suspect: true };
  }
  const { search } = entry.failure ?? {};
  if (!whole && search !== undefined && search.stage !== 'done') {
    continueSearch(search, undefined);
    return { ...untold, suspect: entry.family === 6 };
  }
  const told = entry.failure?.message;
  const failure = nextFailure(entry, errno, words, now, nexthops);
  if (kind === 'create' && name === 'EEXIST') {
    // Another owner's, or our own that we do not know of: the reading that follows tells which (`adopt`).
    failure.kind = 'conflict';
    failure.message = conflictMessage;
    return { ...untold, suspect: told !== conflictMessage };
  }
  if (group === 0 && countNexthops(nexthops) > 1)
    failure.search = { stage: 'prove', good: emptyNexthops, next: 0 };
  const event: RouteEvent = { kind: 'fail', destination, nexthops, message: failure.message };
  // An IPv6 replace that failed may have left a part.
  return { programmed, event: told === failure.message ? undefined : event, suspect: entry.family === 6 };
}

/** Somebody keeps changing our route: restoring it waits. */
export function contest(entry: RouteEntry, now: number): RouteEvent {
  const failure = nextFailure(entry, 0, undefined, now);
  failure.kind = 'contested';
  failure.message = 'somebody keeps changing or deleting it';
  const { destination } = entry;
  const nexthops = entry.programmed?.nexthops ?? emptyNexthops;
  return { kind: 'contested', destination, nexthops, message: failure.message };
}

/** Another owner's route is where ours should be. */
export function conflictOf({ destination }: RouteEntry, { message }: RouteFailure): RouteEvent {
  return { kind: 'conflict', destination, nexthops: emptyNexthops, message };
}

const conflictMessage = "another owner's route is at this prefix and metric";

/** @param accepted what the kernel took; undefined when it refused the part that was tried */
function continueSearch(search: NexthopSearch | undefined, accepted: Uint8Array | undefined): void {
  if (search === undefined) return;
  if (accepted !== undefined) search.good = accepted;
  if (search.stage === 'prove') search.stage = 'grow';
  else search.next++;
}

function nextFailure(
  entry: RouteEntry,
  errno: number,
  words: string | undefined,
  now: number,
  tried = emptyNexthops,
): RouteFailure {
  const attempts = (entry.failure?.attempts ?? 0) + 1;
  const pause = Math.min(retryMs.first * 2 ** (attempts - 1), retryMs.longest);
  const failure: RouteFailure = {
    errno,
    message: describeErrno(errno, words),
    attempts,
    retryAt: now + pause,
    kind: 'refused',
    tried,
    search: undefined,
  };
  entry.failure = failure;
  return failure;
}
