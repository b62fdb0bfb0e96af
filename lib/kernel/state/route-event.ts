/** What happens to a destination's route, and why it is not as wanted: for the log, the metrics and the status. */
import { describeErrno } from '../socket/errno.ts';
import { emptyNexthops } from '../socket/nexthops.ts';
import type { RouteEntry, RouteFailure } from './route-entry.ts';

/** Something that happened to a destination's route, for the log, the metrics and the status. */
export interface RouteEvent {
  /** Written to the log, and a label of the metrics. `disown`: an unannounced route was put up, to be deleted next. */
  kind: 'advertise' | 'hold' | 'remove' | 'disown' | 'fail' | 'conflict' | 'contested';
  destination: string;
  /** Packed nexthops that the request carried; the ones that were held for a removal. */
  nexthops: Uint8Array;
  /** The kernel's words, for what failed. */
  message?: string;
}

/** First and longest pause before what failed is tried again, in milliseconds. */
export const retryMs = { first: 500, longest: 30_000 };

/** Other software keeps changing our route: restoring it waits. */
export function contest(entry: RouteEntry, now: number): RouteEvent {
  const failure = nextFailure(entry, 0, undefined, now);
  failure.kind = 'contested';
  failure.message =
    'something else keeps changing or deleting this route, so restoring it waits; find what does (ip monitor route)';
  const { destination } = entry;
  const nexthops = entry.programmed?.nexthops ?? emptyNexthops;
  return { kind: 'contested', destination, nexthops, message: failure.message };
}

/** Another owner's route has the prefix and metric of ours. */
export function conflictOf({ destination }: RouteEntry, { message }: RouteFailure): RouteEvent {
  return { kind: 'conflict', destination, nexthops: emptyNexthops, message };
}

export const conflictMessage =
  "another owner's route is at this prefix and metric and is kept; ours is added when that route is deleted";

export function nextFailure(
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
