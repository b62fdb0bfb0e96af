/** What a request's outcome proves about one destination. No I/O: the entry is changed, and nothing else. */
import { errnoName } from '../socket/errno.ts';
import { countNexthops, emptyNexthops } from '../socket/nexthops.ts';
import { outcomeUnknown } from '../socket/route-socket.ts';
import {
  notHeld,
  type Programmed,
  programmedAs,
  type RouteEntry,
  type RouteProtocols,
} from '../state/route-entry.ts';
import { conflictMessage, nextFailure, type RouteEvent } from '../state/route-event.ts';
import { beginSearch, continueSearch } from './nexthop-search.ts';
import type { RouteRequest } from './route-request.ts';

export interface Settlement {
  /** What we believe the kernel holds now. */
  programmed: Programmed | undefined;
  /** Undefined when it is the same failure as before, which is reported once. */
  event: RouteEvent | undefined;
  /** The kernel must be read before it is written again. */
  inDoubt: boolean;
  /** The request wrote all that is wanted: nothing is left to do. Absent, the next pass looks at the destination. */
  done?: boolean;
}

/**
 * Takes the outcome of one request into the entry.
 *
 * @param errno 0, the request's errno, or -1 for unknown
 * @param words the text of the kernel's extended ACK, if there was one
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
  if (errno === outcomeUnknown) return { programmed, event: undefined, inDoubt: true };
  if (request.kind === 'delete') return settleDelete(entry, errno, words, now);
  if (request.kind === 'putTombstone') return settleTombstone(entry, errno, protocols);
  if (errno !== 0) return settleRefusal(request, errno, words, now);

  entry.rewrite = false;
  entry.silentlyLost = false;
  const kind = request.kind === 'hold' ? 'hold' : 'advertise';
  entry.heldSince = kind === 'hold' ? (entry.heldSince ?? now) : undefined;
  if (whole) entry.failure = undefined;
  else if (kind !== 'hold') continueSearch(entry.failure?.search, nexthops);
  return {
    programmed: programmedAs(protocols[kind], nexthops, group),
    event: { kind, destination, nexthops },
    inDoubt: false,
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
    return { programmed: undefined, event, inDoubt: false, done: entry.desired.nexthops.length === 0 };
  }
  // Still there: the next attempt waits as long as any other retry.
  const failure = nextFailure(entry, errno, words, now);
  entry.removeAt = failure.retryAt;
  const message = `can not remove the route: ${failure.message}; trying again`;
  return { programmed, event: { kind: 'fail', destination, nexthops, message }, inDoubt: true };
}

/** A tombstone is ours and held, so that it is deleted next. Where another owner's route is, BIRD knows that one. */
function settleTombstone(entry: RouteEntry, errno: number, { hold }: RouteProtocols): Settlement {
  entry.silentlyLost = false;
  if (errno !== 0) return { programmed: undefined, event: undefined, inDoubt: false };
  entry.heldSince = notHeld;
  const event: RouteEvent = { kind: 'disown', destination: entry.destination, nexthops: emptyNexthops };
  return { programmed: programmedAs(hold, emptyNexthops, 0), event, inDoubt: false };
}

function settleRefusal(
  { entry, kind, nexthops, whole, group }: RouteRequest,
  errno: number,
  words: string | undefined,
  now: number,
): Settlement {
  const { destination, programmed } = entry;
  const name = errnoName(errno);
  const unreported = { programmed, event: undefined };
  if (kind !== 'create' && name === 'ENOENT') {
    // What we replace has vanished: nothing was overwritten, and it is created next.
    return { programmed: undefined, event: undefined, inDoubt: false };
  }
  if (kind === 'hold') {
    // A nexthop that went with its interface can not be held either: remove it.
    entry.heldSince = notHeld;
    return { ...unreported, inDoubt: true };
  }
  const { search } = entry.failure ?? {};
  if (!whole && search !== undefined && search.stage !== 'done') {
    continueSearch(search, undefined);
    return { ...unreported, inDoubt: entry.family === 6 };
  }
  const reported = entry.failure?.message;
  const failure = nextFailure(entry, errno, words, now, nexthops);
  if (kind === 'create' && name === 'EEXIST') {
    // Another owner's, or our own that we do not know of: the reading that follows shows which (`adopt`).
    failure.kind = 'conflict';
    failure.message = conflictMessage;
    return { ...unreported, inDoubt: reported !== conflictMessage };
  }
  if (group === 0 && countNexthops(nexthops) > 1) failure.search = beginSearch();
  const event: RouteEvent = { kind: 'fail', destination, nexthops, message: failure.message };
  // An IPv6 replace that failed may have left a part.
  return { programmed, event: reported === failure.message ? undefined : event, inDoubt: entry.family === 6 };
}
