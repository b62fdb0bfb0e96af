/** How long a list-watch waits for what. */

export interface ListWatchTiming {
  /** The server ends a watch after this many seconds at least, and twice as many at most (client-go: 300). */
  watchSeconds: number;
  /**
   * Milliseconds a watch may be silent. The server sends a bookmark a minute while objects of this kind change
   * anywhere in the cluster, and none otherwise (seen with 1.20): without changes a watch is repeated this often.
   */
  idleMs: number;
  /** Milliseconds until an answer begins, and between two pieces of a list. */
  answerMs: number;
  /** Milliseconds for the whole of a list, or of an event that has begun, also on a slow network. */
  wholeMs: number;
  /** The first pause after a failure, in milliseconds; it doubles with each further one. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** After a watch of this many milliseconds the pauses begin at the first one again. */
  steadyMs: number;
}

export const defaultTiming: ListWatchTiming = {
  watchSeconds: 300,
  idleMs: 90_000,
  answerMs: 30_000,
  wholeMs: 120_000,
  firstPauseMs: 250,
  longestPauseMs: 30_000,
  steadyMs: 10_000,
};

/**
 * Between half and all of a pause that doubles with each failure. If the server requests a longer one: that one
 * and up to half of it more, because the server requests the same of all nodes.
 *
 * @param askedMs what the server requests, 0 for nothing
 */
export function pauseMs(
  { firstPauseMs, longestPauseMs }: ListWatchTiming,
  failures: number,
  askedMs: number,
): number {
  const longest = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
  const asked = Math.min(askedMs, longestPauseMs);
  return Math.max(longest * (1 - Math.random() / 2), asked * (1 + Math.random() / 2));
}
