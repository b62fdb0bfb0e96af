/**
 * The route table's hands: reads the kernel, listens to it, and carries one plan across in one call.
 */
import type { Destination, Family } from '../base/address.ts';
import { Listeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import { TimeSlice } from '../base/time-slice.ts';
import { ShadowWatch } from './lookups/shadow-watch.ts';
import type { Shadow } from './lookups/shadows.ts';
import type { RoutePlan } from './plan/route-plan.ts';
import type { RouteTable } from './route-table.ts';
import { FollowedLinks } from './socket/followed-links.ts';
import { isUp, type LinkTable } from './socket/link-table.ts';
import type { ApplyResult, KernelChanges, Monitor, NativeError, RouteSocket } from './socket/route-socket.ts';
import { viewRoutes } from './socket/route-view.ts';
import type { RouteEvent } from './state/route-event.ts';

/** What of a RouteSocket is used here. */
export type KernelSocket = Pick<
  RouteSocket,
  'apply' | 'dumpInParts' | 'links' | 'lookup' | 'monitor' | 'nexthopObjects'
>;

export interface RouteProgrammerOptions {
  socket: KernelSocket;
  table: RouteTable;
  links: LinkTable;
  /** What is ours: routing table, metric and route protocol numbers. */
  owned: { table: number; metric: number; protocols: number[] };
  /** Between two readings of the kernel without a cause, in milliseconds. */
  auditMs: number;
  /** The clock, in milliseconds. */
  now: () => number;
  log: Log;
  /** What a large change is sliced by. Default: slices of its own. */
  slice?: TimeSlice;
}

/** What a pass did. */
export interface PassOutcome {
  events: RouteEvent[];
  /** Requests that crossed to the kernel. */
  requests: RoutePlan['requests'];
  /** Destinations that the kernel held differently from what we believed. */
  drift: number;
  /** Interfaces that destinations wait for, told once. */
  absent: string[];
  /** Destinations that something else forwards, as a look since the last pass found; undefined without one. */
  shadows: Shadow[] | undefined;
}

const afInet4Bytes = 4;

/**
 * After others' doings the whole is read once more, so many milliseconds later: notifications are acted on at
 * once, and can have crossed with our own writes.
 */
const verifyAfterMs = 250;
/** The first audit comes early: what was wrong before the start is told soon. */
const firstAuditMs = 1000;

export class RouteProgrammer {
  readonly #options: RouteProgrammerOptions;
  readonly #slice: TimeSlice;
  readonly #listeners = new Listeners();
  readonly #links: FollowedLinks;
  #monitor: Monitor | undefined;
  /** Whether objects that a former configuration left have been looked for. */
  #objectsRead = false;
  readonly #shadows: ShadowWatch;
  #auditAt: number;
  /** Destinations that were not as we believed, in readings since the last pass. */
  #drift = 0;

  constructor(options: RouteProgrammerOptions) {
    this.#options = options;
    this.#slice = options.slice ?? new TimeSlice(options.now);
    this.#links = new FollowedLinks(options.socket, options.links);
    this.#shadows = new ShadowWatch({ ...options, onChange: () => this.#listeners.notify() });
    this.#auditAt = options.now() + firstAuditMs;
  }

  /** Calls `listener` when the kernel changed in a way that a pass should look at. @returns what ends it */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Listens first and reads then, so that nothing falls between. */
  async start(): Promise<void> {
    const { socket, owned, table } = this.#options;
    const options = { ...owned, nexthopObjects: table.usesGroups };
    this.#monitor = socket.monitor(options, changes => this.#take(changes));
    await this.#readLinks();
  }

  stop(): void {
    this.#shadows.stop();
    this.#monitor?.stop();
  }

  /** When a pass has something to do by the clock, in milliseconds. */
  get nextDeadline(): number {
    return Math.min(this.#auditAt, this.#options.table.nextDeadline);
  }

  /**
   * One pass: at most one dump, when the kernel is in doubt or an audit is due, and at most one `apply`.
   *
   * @throws NativeError when the kernel can not be read or written; what is in doubt stays so, and the next pass reads
   *   it again
   */
  async pass(mayRemove: (destination: Destination) => boolean): Promise<PassOutcome> {
    const { table, now, auditMs } = this.#options;
    if (now() >= this.#auditAt) {
      this.#auditAt = now() + auditMs;
      this.#distrust();
      this.#shadows.look();
    }
    await this.read();
    const drift = this.#drift;
    this.#drift = 0;
    const absent = table.takeAbsent();
    const plan = await table.plan(now(), mayRemove, this.#slice);
    if (plan.batch.length > 0) await table.settle(plan, await this.#apply(plan), now(), this.#slice);
    return {
      events: table.takeEvents(),
      requests: plan.requests,
      drift,
      absent,
      shadows: this.#shadows.take(),
    };
  }

  /**
   * Reads what is in doubt, and writes nothing: links, then nexthop objects, then routes.
   *
   * @throws NativeError when the kernel can not be read; what is in doubt stays so
   */
  async read(): Promise<void> {
    if (this.#links.inDoubt) await this.#readLinks();
    if (this.#options.table.suspect) this.#drift += await this.#readRoutes();
  }

  async #apply(plan: RoutePlan): Promise<ApplyResult> {
    const { socket, table } = this.#options;
    try {
      return await socket.apply(plan.batch.bytes());
    } catch (error) {
      table.abandon(plan);
      throw error;
    }
  }

  async #readRoutes(): Promise<number> {
    const { socket, table, owned, now } = this.#options;
    const answered = table.doubts;
    if (table.usesGroups || !this.#objectsRead) await this.#readObjects();
    const reading = table.beginReading();
    const read = (family: Family) =>
      socket.dumpInParts({ ...owned, family }, (records, restarted) =>
        reading.take(family, records, restarted),
      );
    await Promise.all([read(4), read(6)]);
    return table.adopt(reading, answered, now(), this.#slice);
  }

  /** Nexthop objects are read before the routes that lead through them. */
  async #readObjects(): Promise<void> {
    const { socket, table, now } = this.#options;
    try {
      table.adoptObjects(await socket.nexthopObjects(), now());
    } catch (error) {
      // Before Linux 5.3 there are none to be left.
      if (table.usesGroups || (error as NativeError).code !== 'EOPNOTSUPP') throw error;
    }
    this.#objectsRead = true;
  }

  async #readLinks(): Promise<void> {
    this.#options.table.relink(await this.#links.read());
  }

  /** Anything may have changed in the kernel. */
  #distrust(): void {
    this.#links.distrust();
    this.#options.table.distrust();
  }

  #take({ routes, links: linkChanges, addresses, nexthopObjects, overrun }: KernelChanges): void {
    const { table, links, log, now } = this.#options;
    const renumbered = this.#links.update(linkChanges);
    // The kernel drops IPv4 routes with an interface without a word on the route group: link events are route
    // events.
    const lost = linkChanges.filter(link => link.gone || !isUp(link));
    for (const { index, gone } of lost) table.loseLink(index, gone);
    table.relink(renumbered);
    let foreign = false;
    for (const view of viewRoutes(routes)) foreign = table.observe(view, now()) || foreign;
    // So are address events: with an address go the IPv4 routes whose gateway was in its subnet.
    // What goes with a lost interface is known already.
    const flushed = addresses.some(
      ({ gone, address, index }) => gone && address.length === afInet4Bytes && links.isUsable(index),
    );
    if (flushed || nexthopObjects) table.distrust();
    const retried = addresses.some(({ gone }) => !gone) && table.retryRefused();
    if (overrun) {
      log.warn({ code: 'MONITOR_OVERRUN' }, 'kernel notifications were lost; reading everything again');
      this.#distrust();
    }
    if (foreign || nexthopObjects || lost.length > 0)
      this.#auditAt = Math.min(this.#auditAt, now() + verifyAfterMs);
    if (foreign || flushed || retried || nexthopObjects || overrun || lost.length > 0 || renumbered.size > 0)
      this.#listeners.notify();
  }
}
