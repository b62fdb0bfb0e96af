/** What a request's outcome proves about one destination. Pure. */
import { describeErrno, errnoName } from './errno.ts';
import { countNexthops } from './nexthops.ts';
import type { RouteAction, RouteEntry, RouteProtocols } from './route-entry.ts';

/** Something that happened to a destination's route, for the log, the metrics and the status. */
export interface RouteEvent {
  kind: 'advertise' | 'hold' | 'remove' | 'fail' | 'conflict';
  destination: string;
  /** Packed nexthops that the request carried; the ones that were held for a removal. */
  nexthops: Uint8Array;
  /** The kernel's words, for what failed. */
  message?: string;
}

export interface Settlement {
  /** Undefined when it is the same failure as before: told once. */
  event: RouteEvent | undefined;
  /** The kernel must be read before it is written again. */
  suspect: boolean;
}

/** The addon's word for a request whose answer was lost. */
const unknownOutcome = -1;

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
  entry: RouteEntry,
  action: RouteAction,
  errno: number,
  words: string | undefined,
  protocols: RouteProtocols,
  now: number,
): Settlement {
  if (errno === unknownOutcome) return { event: undefined, suspect: true };
  if (action.kind === 'delete') return settleDelete(entry, errno, words, now);
  if (errno !== 0) return settleRefusal(entry, action, errno, words, now);

  const protocol = action.kind === 'hold' ? protocols.hold : protocols.advertise;
  entry.programmed = { protocol, nexthops: action.nexthops };
  entry.heldSince = action.kind === 'hold' ? (entry.heldSince ?? now) : undefined;
  if (action.whole) entry.failure = undefined;
  const kind = action.kind === 'hold' ? 'hold' : 'advertise';
  return { event: { kind, destination: entry.destination, nexthops: action.nexthops }, suspect: false };
}

/** Deleting what is already gone, with its interface too, is success. */
function settleDelete(entry: RouteEntry, errno: number, words: string | undefined, now: number): Settlement {
  const nexthops = entry.programmed?.nexthops ?? new Uint8Array(0);
  const { destination } = entry;
  if (errno === 0 || ['ESRCH', 'ENODEV', 'ENOENT'].includes(errnoName(errno))) {
    entry.programmed = undefined;
    entry.heldSince = undefined;
    entry.removeAt = undefined;
    entry.failure = undefined;
    return { event: { kind: 'remove', destination, nexthops }, suspect: false };
  }
  // Still there: the next attempt waits as long as any other retry.
  const failure = nextFailure(entry, errno, words, now);
  entry.removeAt = failure.retryAt;
  const message = `can not remove it: ${failure.message}`;
  return { event: { kind: 'fail', destination, nexthops, message }, suspect: true };
}

function settleRefusal(
  entry: RouteEntry,
  action: Exclude<RouteAction, { kind: 'delete' }>,
  errno: number,
  words: string | undefined,
  now: number,
): Settlement {
  const { destination } = entry;
  const { nexthops } = action;
  const name = errnoName(errno);
  if (action.kind !== 'create' && name === 'ENOENT') {
    // What we replace has vanished: nothing was overwritten, and it is created next.
    entry.programmed = undefined;
    return { event: undefined, suspect: false };
  }
  if (action.kind === 'hold') {
    // A nexthop that went with its interface can not be held either: remove it.
    entry.removeAt = now;
    return { event: undefined, suspect: true };
  }
  if (!action.whole && entry.failure?.trial !== undefined) {
    entry.failure.trial++;
    return { event: undefined, suspect: entry.family === 6 };
  }
  const before = entry.failure?.message;
  const conflict = action.kind === 'create' && name === 'EEXIST';
  const failure = nextFailure(entry, errno, words, now);
  failure.conflict = conflict;
  failure.trial = conflict || countNexthops(nexthops) < 2 ? undefined : 0;
  if (conflict) failure.message = "another owner's route is at this prefix and metric";
  const event: RouteEvent = {
    kind: conflict ? 'conflict' : 'fail',
    destination,
    nexthops,
    message: failure.message,
  };
  // A create that exists may be our own, unknown to us; an IPv6 replace that failed may have left a part.
  return { event: before === failure.message ? undefined : event, suspect: conflict || entry.family === 6 };
}

function nextFailure(
  entry: RouteEntry,
  errno: number,
  words: string | undefined,
  now: number,
): NonNullable<RouteEntry['failure']> {
  const attempts = (entry.failure?.attempts ?? 0) + 1;
  const pause = Math.min(retryMs.first * 2 ** (attempts - 1), retryMs.longest);
  const failure = {
    errno,
    message: describeErrno(errno, words),
    attempts,
    retryAt: now + pause,
    conflict: false,
    trial: undefined,
  };
  entry.failure = failure;
  return failure;
}
