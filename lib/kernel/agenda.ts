/** Which destinations the next pass looks at, and when one is due for those that wait for a time. */
import type { RouteEntry } from './route-entry.ts';

export class Agenda {
  readonly #pending = new Set<RouteEntry>();
  /** Those that something happens to at a known time. */
  readonly #timed = new Set<RouteEntry>();
  /** Those whose removal waits until they are no longer announced. */
  readonly #waiting = new Set<RouteEntry>();

  /** Whether a pass at once may have something to do. */
  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /** Looked at in the next pass. */
  add(entry: RouteEntry): void {
    this.#pending.add(entry);
  }

  /** All that is to be looked at by now; each has to be settled by one of the following. */
  due(now: number): Iterable<RouteEntry> {
    for (const entry of this.#timed) if (deadlineOf(entry) <= now) this.#pending.add(entry);
    for (const entry of this.#waiting) this.#pending.add(entry);
    this.#waiting.clear();
    return this.#pending;
  }

  /** Keeps its times in mind: when it is removed, when it is tried again. */
  schedule(entry: RouteEntry): void {
    if (deadlineOf(entry) < Number.POSITIVE_INFINITY) this.#timed.add(entry);
    else this.#timed.delete(entry);
  }

  /** Nothing is to be done about it now. */
  done(entry: RouteEntry): void {
    this.#pending.delete(entry);
  }

  /** Its removal is due, and not allowed yet: looked at again in every pass. */
  wait(entry: RouteEntry): void {
    this.#pending.delete(entry);
    this.#timed.delete(entry);
    this.#waiting.add(entry);
  }

  forget(entry: RouteEntry): void {
    this.#pending.delete(entry);
    this.#timed.delete(entry);
  }

  /** Those with a time, the failed ones among them. */
  timed(): Iterable<RouteEntry> {
    return this.#timed;
  }

  /** When something is due next, in milliseconds of the clock; infinity when nothing is. */
  get nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#timed) next = Math.min(next, deadlineOf(entry));
    return next;
  }
}

function deadlineOf({ removeAt, failure }: RouteEntry): number {
  return Math.min(removeAt ?? Number.POSITIVE_INFINITY, failure?.retryAt ?? Number.POSITIVE_INFINITY);
}
