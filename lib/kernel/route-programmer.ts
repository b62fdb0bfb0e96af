/**
 * Kernel I/O of the route table: reads the kernel, follows its notifications, and writes one plan in one call.
 */
import type { Family } from '../base/address.ts';
import { Listeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import { TimeSlice } from '../base/time-slice.ts';
import { adoptObjects } from './groups/adopt-objects.ts';
import { ShadowWatch } from './lookups/shadow-watch.ts';
import type { Shadow } from './lookups/shadows.ts';
import type { RoutePlan } from './plan/route-plan.ts';
import type { RouteNews, RouteTable } from './route-table.ts';
import { FollowedLinks } from './socket/followed-links.ts';
import { isUp, type LinkTable } from './socket/link-table.ts';
import { readObjectChanges, readObjects } from './socket/nexthop-object.ts';
import type { ApplyResult, KernelChanges, Monitor, NativeError, RouteSocket } from './socket/route-socket.ts';
import { viewRoutes } from './socket/route-view.ts';

/** What of a RouteSocket is used here. */
export type KernelSocket = Pick<
  RouteSocket,
  'apply' | 'dumpInParts' | 'links' | 'lookup' | 'monitor' | 'nexthopObjects'
>;

/** What a programmer connects: `createKernelSide` makes them agree. */
export interface RouteProgrammerOptions {
  socket: KernelSocket;
  table: RouteTable;
  links: LinkTable;
  /** What is ours: routing table, metric and route protocol numbers. */
  owned: { table: number; metric: number; protocols: number[] };
  /** Between two readings of the whole kernel, in milliseconds. */
  auditMs: number;
  /** The clock, in milliseconds. */
  now: () => number;
  log: Log;
  /** What a large change is sliced by. Default: slices of its own. */
  slice?: TimeSlice;
}

/** What a pass did. */
export interface PassOutcome extends RouteNews {
  /** Requests that crossed to the kernel. */
  requests: RoutePlan['requests'];
  /** Destinations that the kernel held differently from what we believed. */
  drift: number;
  /** Our nexthop objects that others deleted, and the routes that went with them; undefined when there is no news. */
  deletions: { objects: number; routes: number } | undefined;
  /** Destinations that another route forwards, if a look has ended since the last pass; undefined otherwise. */
  shadows: Shadow[] | undefined;
}

const afInet4Bytes = 4;

/**
 * After others changed something, everything is read again this long later, in milliseconds: notifications are acted
 * on at once, and may have crossed with our own writes.
 */
const verifyAfterMs = 250;
/** The first audit comes early, so that what was wrong before the start is reported soon; in milliseconds. */
const firstAuditMs = 1000;

/** `start`, then one `pass` at a time, whenever `onChange` calls and at `nextDeadline` at the latest; then `stop`. */
export class RouteProgrammer {
  readonly #options: RouteProgrammerOptions;
  readonly #slice: TimeSlice;
  readonly #listeners = new Listeners();
  readonly #linkListeners = new Listeners<[names: ReadonlySet<string>]>();
  readonly #links: FollowedLinks;
  #monitor: Monitor | undefined;
  /** Whether objects that a former configuration left have been looked for. */
  #objectsRead = false;
  readonly #shadows: ShadowWatch;
  #auditAt: number;
  /** Destinations that were not as we believed, in readings since the last pass. */
  #drift = 0;
  /** What others deleted since the last audit. */
  #deletions = { objects: 0, routes: 0 };

  constructor(options: RouteProgrammerOptions) {
    this.#options = options;
    this.#slice = options.slice ?? new TimeSlice(options.now);
    this.#links = new FollowedLinks(options.socket, options.links);
    this.#shadows = new ShadowWatch({
      ...options,
      announced: () => options.table.beliefs.announcedRoutes(),
      onChange: () => this.#listeners.notify(),
    });
    this.#auditAt = options.now() + firstAuditMs;
  }

  /** Calls `listener` when the kernel changed in a way that a pass should look at. @returns what ends it */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Calls `listener` with the names of interfaces that came, went, or were set up or down. @returns what ends it */
  onLinks(listener: (names: ReadonlySet<string>) => void): () => void {
    return this.#linkListeners.add(listener);
  }

  /** Starts the monitor before it reads, so that no change is missed. */
  async start(): Promise<void> {
    const { socket, owned, table } = this.#options;
    const options = { ...owned, nexthopObjects: table.cohorts.form !== undefined };
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
  async pass(): Promise<PassOutcome> {
    const { table, now, auditMs } = this.#options;
    let deletions: PassOutcome['deletions'];
    if (now() >= this.#auditAt) {
      // Objects are deleted one by one, and each deletion brings an audit nearer: by now most of them have come.
      if (this.#deletions.objects > 0) deletions = this.#deletions;
      this.#deletions = { objects: 0, routes: 0 };
      this.#auditAt = now() + auditMs;
      this.#raiseDoubt();
      this.#shadows.look();
    }
    await this.read();
    const drift = this.#drift;
    this.#drift = 0;
    const plan = await table.planner.plan(now(), this.#slice);
    if (plan.batch.length > 0) await table.planner.settle(plan, await this.#apply(plan), now(), this.#slice);
    return { ...table.takeNews(), requests: plan.requests, drift, deletions, shadows: this.#shadows.take() };
  }

  /**
   * Reads what is in doubt, and writes nothing.
   *
   * @throws NativeError when the kernel can not be read; what is in doubt stays so
   */
  async read(): Promise<void> {
    if (this.#options.table.beliefs.inDoubt) this.#drift += await this.#read();
  }

  async #apply(plan: RoutePlan): Promise<ApplyResult> {
    const { socket, table } = this.#options;
    try {
      return await socket.apply(plan.batch.bytes());
    } catch (error) {
      table.planner.abandon(plan);
      throw error;
    }
  }

  /**
   * Reads what is in doubt: links, then nexthop objects, then the routes that lead through both.
   * @returns how many destinations the kernel held differently from what we believed
   */
  async #read(): Promise<number> {
    const { socket, owned, now, table } = this.#options;
    const { beliefs, planner, cohorts } = table;
    const reading = beliefs.beginReading();
    if (this.#links.inDoubt) await this.#readLinks();
    if (cohorts.form !== undefined || !this.#objectsRead) await this.#readObjects();
    const read = (family: Family) =>
      socket.dumpInParts({ ...owned, family }, (records, restarted) =>
        reading.take(family, records, restarted),
      );
    await Promise.all([read(4), read(6)]);
    const { drift, strays } = await beliefs.adopt(reading, now(), this.#slice);
    planner.setStrays(strays);
    return drift;
  }

  async #readObjects(): Promise<void> {
    const { socket, now, table } = this.#options;
    const { cohorts } = table;
    try {
      adoptObjects(readObjects(await socket.nexthopObjects()), cohorts, now());
    } catch (error) {
      // Before Linux 5.3 there are none to be left.
      if (cohorts.form !== undefined || (error as NativeError).code !== 'EOPNOTSUPP') throw error;
    }
    this.#objectsRead = true;
  }

  async #readLinks(): Promise<void> {
    this.#relink(await this.#links.read());
  }

  #relink(names: ReadonlySet<string>): void {
    this.#options.table.relink(names);
    if (names.size > 0) this.#linkListeners.notify(names);
  }

  #takeObjects(bytes: Uint8Array): void {
    const { table, now } = this.#options;
    const { objects, routes } = table.beliefs.observeObjects(readObjectChanges(bytes), now());
    this.#deletions = {
      objects: this.#deletions.objects + objects,
      routes: this.#deletions.routes + routes,
    };
  }

  /** Anything may have changed in the kernel. */
  #raiseDoubt(): void {
    this.#links.raiseDoubt();
    this.#options.table.beliefs.raiseDoubt();
  }

  #take({ routes, links: linkChanges, addresses, nexthopObjects, overrun, error }: KernelChanges): void {
    const { table, links, log, now } = this.#options;
    const renumbered = this.#links.update(linkChanges);
    // The kernel drops IPv4 routes with their interface and notifies of none of them: link events are route events.
    const lost = linkChanges.filter(link => link.gone || !isUp(link));
    for (const { index, gone } of lost) table.planner.loseLink(index, gone);
    this.#relink(renumbered);
    const objectsChanged = nexthopObjects.length > 0;
    if (objectsChanged) this.#takeObjects(nexthopObjects);
    let oursChanged = false;
    for (const view of viewRoutes(routes)) oursChanged = table.beliefs.observe(view, now()) || oursChanged;
    // Address events are route events too: with an address go the IPv4 routes whose gateway was in its subnet.
    // Those of a lost interface are handled above.
    const flushed = addresses.some(
      ({ gone, address, index }) => gone && address.length === afInet4Bytes && links.isUsable(index),
    );
    if (flushed) table.beliefs.raiseDoubt();
    const retried = addresses.some(({ gone }) => !gone) && table.retryRefused();
    if (overrun) {
      const reason = error === undefined ? '' : ` (${error.message})`;
      log.warn(
        { code: 'MONITOR_OVERRUN' },
        `kernel notifications were lost${reason}; reading everything again`,
      );
      this.#raiseDoubt();
    }
    if (oursChanged || objectsChanged || lost.length > 0)
      this.#auditAt = Math.min(this.#auditAt, now() + verifyAfterMs);
    if (
      oursChanged ||
      flushed ||
      retried ||
      objectsChanged ||
      overrun ||
      lost.length > 0 ||
      renumbered.size > 0
    )
      this.#listeners.notify();
  }
}
