/** Log lines about findings: one when a finding begins, one when it ends, and few about one that comes and goes. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import type { Finding } from './checks.ts';
import { dotted } from './sysctls.ts';

/** How long the same line about a setting is not repeated, in milliseconds. */
const againMs = 600_000;
/** With more findings of one code that begin or end at a time, as on a node whose CNI filters, the others are counted. */
const spelledOut = 10;

export class FindingLog {
  readonly #log: Log;
  readonly #clock: Pick<Clock, 'now'>;
  /** By key: what was written about it, and when. */
  readonly #written = new Map<string, { begun: RepeatedFailure; set: RepeatedFailure }>();
  /** Those whose beginning was told, by key. */
  readonly #standing = new Map<string, Finding>();

  constructor(log: Log, clock: Pick<Clock, 'now'>) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * @param findings all that stand now
   * @param why why settings could not be set, by key
   */
  take(findings: readonly Finding[], why: ReadonlyMap<string, string>): void {
    const now = new Set(findings.map(({ key }) => key));
    const ended = [...this.#standing.values()].filter(({ key }) => !now.has(key));
    for (const { key } of ended) this.#standing.delete(key);
    for (const [code, alike] of Map.groupBy(ended, each => each.code)) {
      for (const { message } of alike.slice(0, spelledOut))
        this.#log.info({ code }, `no longer so: ${message}`);
      const more = alike.length - spelledOut;
      if (more > 0) this.#log.info({ code }, `${more} more like this are no longer so`);
    }
    // BIRD's manager tells that one itself.
    const begun = findings.filter(each => each.code !== 'FLOCK_BIRD_BLIND' && this.#begins(each));
    for (const [code, alike] of Map.groupBy(begun, each => each.code)) {
      for (const { key, message, remedy } of alike.slice(0, spelledOut)) {
        const reason = why.get(key);
        this.#log.warn({ code, remedy, ...(reason !== undefined && { reason }) }, message);
      }
      const more = alike.length - spelledOut;
      if (more > 0) this.#log.warn({ code }, `${more} more like this; /status has all of them`);
    }
  }

  /** A setting was wrong, and has been set. */
  set({ code, key, right }: Finding, was: string | undefined): void {
    if (!this.#of(key).set.isNew('')) return;
    this.#log.info({ code }, `set ${dotted(key)} to ${right}; it was ${was}`);
  }

  /** @param isGone whether a setting does not exist any more, such as one of an interface that went */
  forget(isGone: (key: string) => boolean): void {
    for (const key of this.#written.keys())
      if (!this.#standing.has(key) && isGone(key)) this.#written.delete(key);
  }

  #begins(finding: Finding): boolean {
    const { key, message } = finding;
    if (this.#standing.has(key) || !this.#of(key).begun.isNew(message)) return false;
    this.#standing.set(key, finding);
    return true;
  }

  #of(key: string) {
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const failure = () => new RepeatedFailure(againMs, () => this.#clock.now());
    const written = { begun: failure(), set: failure() };
    this.#written.set(key, written);
    return written;
  }
}
