/**
 * Log lines about pods, at a limited rate for each pod: a pod's author, who changes an annotation again and again,
 * fills neither the log nor the share of other pods. A line over the limit is counted, and the last one is written
 * when there is room again.
 */
import { type Clock, systemClock } from './clock.ts';
import type { Log } from './log.ts';
import { type Rate, TokenBucket } from './token-bucket.ts';

/** More than the warnings of a pod that has something wrong; see also the limits of its Events. */
export const podLogRate: Rate = { burst: 10, everyMs: 60_000 };

type Level = 'info' | 'warn';

interface Line {
  level: Level;
  fields: object;
  message: string;
}

interface Pod {
  readonly bucket: TokenBucket;
  /** The last line over the limit, and how many there were. */
  held?: { line: Line; count: number; cancel: () => void };
}

export class PodLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #rate: Rate;
  /** Those that have written something lately. */
  readonly #pods = new Map<string, Pod>();
  #sweptAt = 0;
  #unwritten = 0;

  constructor(log: Log, { clock = systemClock, rate = podLogRate }: { clock?: Clock; rate?: Rate } = {}) {
    this.#log = log;
    this.#clock = clock;
    this.#rate = rate;
  }

  /** @param pod `namespace/name` */
  warn(pod: string, fields: object, message: string): void {
    this.#take(pod, { level: 'warn', fields, message });
  }

  info(pod: string, fields: object, message: string): void {
    this.#take(pod, { level: 'info', fields, message });
  }

  /** How many lines over the limit were replaced by a later one, and never written. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** Writes nothing any more that waits. */
  stop(): void {
    for (const { held } of this.#pods.values()) held?.cancel();
    this.#pods.clear();
  }

  #take(key: string, line: Line): void {
    const now = this.#clock.now();
    this.#sweep(now);
    const pod = this.#pods.get(key) ?? { bucket: new TokenBucket(this.#rate) };
    this.#pods.set(key, pod);
    if (pod.held !== undefined) {
      pod.held.line = line;
      pod.held.count++;
      this.#unwritten++;
    } else if (pod.bucket.left(now) >= 1) {
      pod.bucket.spend();
      this.#write(key, line);
    } else {
      const cancel = this.#clock.after(pod.bucket.waitMs(now), () => this.#release(key, pod));
      pod.held = { line, count: 1, cancel };
    }
  }

  #release(key: string, pod: Pod): void {
    if (pod.held === undefined) return;
    const { line, count } = pod.held;
    delete pod.held;
    pod.bucket.left(this.#clock.now());
    pod.bucket.spend();
    this.#write(key, line, count - 1);
  }

  #write(pod: string, { level, fields, message }: Line, unwritten = 0): void {
    this.#log[level]({ pod, ...fields, ...(unwritten > 0 && { unwritten }) }, message);
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < this.#rate.everyMs) return;
    this.#sweptAt = now;
    for (const [key, { bucket, held }] of this.#pods)
      if (held === undefined && bucket.isFull(now)) this.#pods.delete(key);
  }
}
