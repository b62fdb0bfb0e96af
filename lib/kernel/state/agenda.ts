/** Which destinations the next pass looks at, and when one is due for those that wait for a time. */
import type { RouteEntry } from './route-entry.ts';

export class Agenda {
  /** Each once: an entry knows whether it is on it. */
  #pending: RouteEntry[] = [];
  /** Those that are to be looked at when their time has come. */
  readonly #timed = new Set<RouteEntry>();
  /** Those whose removal waits until they are no longer announced. */
  #waiting: RouteEntry[] = [];
  /** Not later than the first of the timed. */
  #earliest = Number.POSITIVE_INFINITY;

  /** Whether the next pass has entries to look at, whatever the time. */
  get busy(): boolean {
    return this.#pending.length > 0;
  }

  /** Looked at in the next pass; in the present one, when that has not come to it yet. */
  add(entry: RouteEntry): void {
    if (entry.pending) return;
    entry.pending = true;
    this.#pending.push(entry);
  }

  /** Takes all that is to be looked at by now. The caller calls `look` before it handles each. */
  take(now: number): RouteEntry[] {
    if (now >= this.#earliest) {
      // Looking at those that are due gives them their next time.
      this.#earliest = Number.POSITIVE_INFINITY;
      for (const entry of this.#timed) {
        const deadline = deadlineOf(entry);
        if (deadline <= now) this.add(entry);
        else this.#earliest = Math.min(this.#earliest, deadline);
      }
    }
    const waiting = this.#waiting;
    if (waiting.length > 0) this.#waiting = [];
    for (const entry of waiting) this.add(entry);
    const pending = this.#pending;
    if (pending.length > 0) this.#pending = [];
    return pending;
  }

  /** It is looked at now: what changes from here on is for the next pass. */
  look(entry: RouteEntry): void {
    entry.pending = false;
  }

  /** Has a pass look at it when its time has come: when it is to be removed, or tried again. */
  schedule(entry: RouteEntry): void {
    const deadline = deadlineOf(entry);
    if (deadline < Number.POSITIVE_INFINITY) {
      this.#timed.add(entry);
      this.#earliest = Math.min(this.#earliest, deadline);
    } else this.forget(entry);
  }

  /** Its removal is due, and not allowed yet: looked at again in every pass. */
  wait(entry: RouteEntry): void {
    this.forget(entry);
    this.#waiting.push(entry);
  }

  /** It has no time any more. */
  forget(entry: RouteEntry): void {
    if (this.#timed.size === 0 || !this.#timed.delete(entry)) return;
    if (this.#timed.size === 0) this.#earliest = Number.POSITIVE_INFINITY;
  }

  /** Those with a time, the failed ones among them. */
  timed(): Iterable<RouteEntry> {
    return this.#timed;
  }

  /** When something may be due next, in milliseconds of the clock; infinity when nothing is. */
  get nextDeadline(): number {
    return this.#earliest;
  }
}

function deadlineOf({ removeAt, failure }: RouteEntry): number {
  return Math.min(removeAt ?? Number.POSITIVE_INFINITY, failure?.retryAt ?? Number.POSITIVE_INFINITY);
}
