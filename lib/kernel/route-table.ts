/**
 * Desired against programmed: the one place that decides what the kernel is told.
 *
 * `desired` comes destination by destination (`want`), `programmed` only from the kernel: what a dump says
 * (`adopt`), what it notifies of others' doing (`observe`, `loseLink`), and what a request's outcome proves
 * (`settle`). A destination where the two may differ is pending; a pass looks at nothing else. What proves
 * nothing (a lost reply, an IPv6 replace that failed midway) makes the table suspect: the next pass reads the
 * kernel before it writes.
 */
import type { Destination } from '../address.ts';
import type { DesiredTarget } from '../desired/desired-table.ts';
import { adoptRoutes } from './adoption.ts';
import { afterDeletion, afterLinkLoss, countRestoration } from './drift.ts';
import type { LinkTable } from './link-table.ts';
import type { ApplyResult } from './native.ts';
import { configuredNexthops, emptyNexthops, interfacesOf } from './nexthops.ts';
import {
  destinationOfView,
  packAction,
  packDeletion,
  packRetagging,
  type RouteView,
} from './packed-route.ts';
import { Operation } from './record-layout.ts';
import { RouteBatch } from './route-batch.ts';
import {
  decide,
  type Programmed,
  type RouteAction,
  type RouteEntry,
  type RouteFailure,
  type RouteProtocols,
} from './route-entry.ts';
import { RouteIndex } from './route-index.ts';
import { conflictOf, contest, type RouteEvent, settleRequest } from './route-outcome.ts';

export interface RouteTableOptions {
  /** Routing table, 254 is main. */
  table: number;
  metric: number;
  protocols: RouteProtocols;
  /** How long a withdrawn route still forwards before it is removed, in milliseconds. */
  settleMs: number;
  links: LinkTable;
}

/** One pass's requests: the bytes for the kernel, and which destination each of them is about. */
export interface RoutePlan {
  batch: RouteBatch;
  requests: {
    entry: RouteEntry;
    action: RouteAction;
    revision: number;
    /** Its place in the batch. */
    at: number;
  }[];
}

export interface RouteCounts {
  advertised: number;
  held: number;
  failed: number;
}

export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #index = new RouteIndex();
  /** Entries to look at in the next pass. */
  readonly #pending = new Set<RouteEntry>();
  /** Entries that something happens to at a known time. */
  readonly #timed = new Set<RouteEntry>();
  /** Entries whose removal waits until they are no longer announced. */
  readonly #waiting = new Set<RouteEntry>();
  readonly #announced = new Set<Destination>();
  readonly #held = new Set<Destination>();
  /** Wanted interfaces that are not there or down, and those among them that nobody was told of yet. */
  readonly #absent = new Set<string>();
  #untoldAbsent: string[] = [];
  /** Numbers of interfaces that were lost since the last plan was made. */
  readonly #lost = new Set<number>();
  /** Our routes that we can never want: another metric's, a type of route we do not make. */
  #strays: RouteView[] = [];
  /** When those that were withdrawn are looked at again, to be removed; in milliseconds of the clock. */
  #straysSettleAt = Number.POSITIVE_INFINITY;
  /** Entries whose key was taken, by ourselves or by another owner: the next reading tells. */
  readonly #unconfirmed = new Set<RouteEntry>();
  /** What happened and was not told yet. */
  #events: RouteEvent[] = [];
  /** Reasons to doubt what we believe so far, and how many of them a reading of the kernel has answered. */
  #doubts = 1;
  #answered = 0;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  /** Whether the kernel has to be read (`adopt`) before it is written. */
  get suspect(): boolean {
    return this.#doubts > this.#answered;
  }

  /** How many doubts there were; a reading of the kernel that starts now answers as many. */
  get doubts(): number {
    return this.#doubts;
  }

  /** Something happened in the kernel that we can not account for. */
  distrust(): void {
    this.#doubts++;
  }

  /** Destinations that are announced: programmed under the advertise protocol. */
  get announced(): ReadonlySet<Destination> {
    return this.#announced;
  }

  /** What is announced, with its packed nexthops. */
  announcedRoutes(): { destination: Destination; nexthops: Uint8Array }[] {
    return [...this.#announced].map(destination => {
      const nexthops = this.#index.get(destination)?.programmed?.nexthops ?? emptyNexthops;
      return { destination, nexthops };
    });
  }

  /** @param target what serves the destination from now on, or drains; no nexthops when nothing does */
  want(destination: Destination, target: DesiredTarget): void {
    if (target.nexthops.length === 0 && this.#index.get(destination) === undefined) return;
    const entry = this.#index.ensure(destination);
    this.#index.want(entry, target);
    for (const { interface: name } of target.nexthops) this.#noteAbsence(name);
    if (entry.failure?.kind === 'refused') entry.failure.retryAt = Number.NEGATIVE_INFINITY;
    this.#pending.add(entry);
  }

  /** Interfaces came, went or changed: whoever wants them is looked at again, failed ones at once. */
  relink(names: Iterable<string>): void {
    for (const name of names) {
      for (const entry of this.#index.wanting(name)) {
        this.#noteAbsence(name);
        if (entry.failure?.kind === 'refused') entry.failure.retryAt = Number.NEGATIVE_INFINITY;
        this.#pending.add(entry);
      }
    }
  }

  /** Something came that gateways may be reached by: what was refused is tried again at once. */
  retryRefused(): boolean {
    let any = false;
    for (const entry of this.#timed) {
      if (entry.failure?.kind !== 'refused') continue;
      entry.failure.retryAt = Number.NEGATIVE_INFINITY;
      this.#pending.add(entry);
      any = true;
    }
    return any;
  }

  /** An interface went (`gone`) or was set down, and routes with it. */
  loseLink(index: number, gone: boolean): void {
    this.#lost.add(index);
    for (const entry of this.#index.through(index)) this.#program(entry, afterLinkLoss(entry, index, gone));
  }

  /**
   * Others changed a route under our protocols, or at our metric.
   *
   * @param view from the monitor
   * @param now the clock, in milliseconds
   * @returns whether it was about one of ours
   */
  observe(view: RouteView, now: number): boolean {
    const { metric, protocols } = this.#options;
    const entry =
      view.metric === metric && view.isOurKind ? this.#index.get(destinationOfView(view)) : undefined;
    const ours = view.protocol === protocols.advertise || view.protocol === protocols.hold;
    if (entry === undefined) {
      // A route under our protocols that we never made: the next reading sees to it.
      if (ours && view.operation !== Operation.delete) this.distrust();
      return ours;
    }
    const wentWithLinks = view.operation === Operation.delete && this.#wentWithLinks(view.nexthops);
    if (!wentWithLinks) entry.revision++;
    if (view.operation !== Operation.delete) {
      const nexthops = configuredNexthops(view.nexthops);
      this.#restore(entry, ours ? { protocol: view.protocol, nexthops } : undefined, now);
    } else if (ours) {
      entry.touch = true;
      const left = afterDeletion(entry, view.nexthops);
      if (wentWithLinks) this.#program(entry, left);
      else this.#restore(entry, left, now);
    } else if (entry.failure?.kind === 'conflict') {
      entry.failure.retryAt = Number.NEGATIVE_INFINITY;
      this.#pending.add(entry);
    }
    return true;
  }

  /**
   * Takes the kernel's word for what is programmed.
   *
   * @param dumps all routes of our table and protocols, packed, both families
   * @param answered `doubts` from before the dumps began: what raised doubt since is not answered by them
   * @param now the clock, in milliseconds
   * @returns how many destinations were not as we believed
   */
  adopt(dumps: readonly Uint8Array[], answered: number, now: number): number {
    const { found, strays, absent } = adoptRoutes(dumps, this.#index, this.#options.metric);
    this.#strays = strays;
    for (const { entry, programmed } of found) {
      if (entry.failure?.kind === 'conflict') entry.failure = undefined;
      this.#restore(entry, programmed, now);
    }
    for (const entry of absent) {
      // IPv4 loses routes without a word, and then BIRD still announces them.
      entry.silentlyLost = entry.family === 4;
      this.#restore(entry, undefined, now);
    }
    for (const entry of this.#unconfirmed) {
      if (entry.failure?.kind === 'conflict') this.#events.push(conflictOf(entry, entry.failure));
    }
    this.#unconfirmed.clear();
    this.#answered = answered;
    return found.length + absent.length;
  }

  /**
   * Makes BIRD hear of a destination again, though the kernel is right: what is there is written once more, what
   * is not is put up unannounced and taken down.
   */
  remind(destination: Destination): void {
    const entry = this.#index.ensure(destination);
    if (entry.programmed === undefined) entry.silentlyLost = true;
    else entry.touch = true;
    this.#pending.add(entry);
  }

  /**
   * @param now the clock, in milliseconds
   * @param mayRemove whether a withdrawn destination may be removed now; not while BIRD still announces it
   * @returns the requests of one pass; none when the kernel is right
   */
  plan(now: number, mayRemove: (destination: Destination) => boolean): RoutePlan {
    const plan: RoutePlan = { batch: new RouteBatch(), requests: [] };
    for (const entry of this.#timed) if (deadlineOf(entry) <= now) this.#pending.add(entry);
    for (const entry of this.#waiting) this.#pending.add(entry);
    this.#waiting.clear();
    this.#lost.clear();
    const { links, protocols, settleMs } = this.#options;
    for (const entry of this.#pending) {
      const action = decide(entry, links, protocols, now, settleMs);
      this.#schedule(entry);
      if (action === undefined) {
        this.#pending.delete(entry);
        this.#forgetIfIdle(entry);
      } else if (action.kind === 'delete' && !mayRemove(entry.destination)) {
        this.#pending.delete(entry);
        this.#timed.delete(entry);
        this.#waiting.add(entry);
      } else {
        if (this.#mayHaveVanished(entry, action))
          plan.batch.addPacked(packAction(entry, { ...action, kind: 'create' }, this.#options), 1);
        plan.requests.push({ entry, action, revision: entry.revision, at: plan.batch.length });
        plan.batch.addPacked(packAction(entry, action, this.#options), 1);
      }
    }
    this.#sweepStrays(plan.batch, now);
    return plan;
  }

  /** Takes the outcomes of a plan in, in the order of its requests. */
  settle({ requests }: RoutePlan, results: ApplyResult, now: number): void {
    for (const { entry, action, revision, at } of requests) {
      const errno = results[at] ?? -1;
      const words = results.messages.get(at);
      const settlement = settleRequest(entry, action, errno, words, this.#options.protocols, now);
      // What others did meanwhile may have come before our request or after it.
      const crossed = entry.revision !== revision || this.#leadsThroughLost(action);
      if (settlement.suspect || crossed) this.distrust();
      if (settlement.suspect && entry.failure?.kind === 'conflict') this.#unconfirmed.add(entry);
      if (settlement.event !== undefined) this.#events.push(settlement.event);
      this.#program(entry, settlement.programmed);
    }
    this.#strays = [];
  }

  /** What happened since the last call, for the log. */
  takeEvents(): RouteEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** Whether a pass at once may have something to do. */
  get busy(): boolean {
    return this.#pending.size > 0 || this.suspect || this.#strays.length > 0;
  }

  /** When something is to be done next by the clock, in milliseconds; infinity when nothing is. */
  get nextDeadline(): number {
    let next = this.#straysSettleAt;
    for (const entry of this.#timed) next = Math.min(next, deadlineOf(entry));
    return next;
  }

  /** Destinations that are not programmed as wanted, each with why. */
  *failures(): Generator<{ destination: Destination; failure: RouteFailure }> {
    for (const { destination, failure } of this.#timed)
      if (failure !== undefined) yield { destination, failure };
  }

  /** Interfaces found absent since the last call: destinations wait for them. */
  takeAbsent(): string[] {
    const absent = this.#untoldAbsent;
    if (absent.length > 0) this.#untoldAbsent = [];
    return absent;
  }

  /** Whether the kernel holds nothing of ours, as far as we know. */
  get isEmpty(): boolean {
    return this.#announced.size + this.#held.size === 0 && !this.suspect;
  }

  counts(): RouteCounts {
    const failed = [...this.failures()].length;
    return { advertised: this.#announced.size, held: this.#held.size, failed };
  }

  /** Withdraws first and removes last, like all else: what is found held is deleted. */
  #sweepStrays(batch: RouteBatch, now: number): void {
    const { protocols, settleMs } = this.#options;
    if (now >= this.#straysSettleAt) {
      this.#straysSettleAt = Number.POSITIVE_INFINITY;
      this.distrust();
    }
    for (const stray of this.#strays) {
      if (stray.protocol === protocols.hold) batch.addPacked(packDeletion(stray), 1);
      else {
        batch.addPacked(packRetagging(stray, protocols.hold), 1);
        this.#straysSettleAt = now + settleMs;
      }
    }
  }

  #noteAbsence(name: string): void {
    if (this.#options.links.usableIndex(name) !== undefined) this.#absent.delete(name);
    else if (!this.#absent.has(name)) {
      this.#absent.add(name);
      this.#untoldAbsent.push(name);
    }
  }

  /** IPv6 tells of routes that go with their interface; nobody's doing, and no reason to wait. */
  #wentWithLinks(nexthops: Uint8Array): boolean {
    const interfaces = interfacesOf(nexthops);
    return interfaces.length > 0 && interfaces.every(index => !this.#options.links.isUsable(index));
  }

  /**
   * An interface that is told of as down is often one that is being deleted, and then the IPv4 route has gone with
   * it by the time we write: made first where it is not there, there is always something to replace.
   */
  #mayHaveVanished(
    { family, programmed }: RouteEntry,
    action: RouteAction,
  ): action is Extract<RouteAction, { whole: boolean }> {
    if (family !== 4 || action.kind !== 'replace') return false;
    return interfacesOf(programmed?.nexthops).some(index => !this.#options.links.isUsable(index));
  }

  /**
   * Whether what we wrote may have gone again with an interface. What does not lead through a lost one is as we
   * wrote it, whichever came first: reading the kernel to be sure would cost the siblings milliseconds.
   */
  #leadsThroughLost(action: RouteAction): boolean {
    return 'nexthops' in action && interfacesOf(action.nexthops).some(index => this.#lost.has(index));
  }

  /** Believes others' doing, which the next pass undoes; not for ever at once, when they keep at it. */
  #restore(entry: RouteEntry, programmed: Programmed | undefined, now: number): void {
    const knew = entry.programmed !== undefined;
    this.#program(entry, programmed);
    if (!knew || !countRestoration(entry, now)) return;
    const event = contest(entry, now);
    if (!entry.drift?.told) this.#events.push(event);
    if (entry.drift !== undefined) entry.drift.told = true;
  }

  #program(entry: RouteEntry, programmed: Programmed | undefined): void {
    this.#index.program(entry, programmed);
    const { advertise, hold } = this.#options.protocols;
    for (const [protocol, destinations] of [
      [advertise, this.#announced],
      [hold, this.#held],
    ] as const) {
      if (programmed?.protocol === protocol) destinations.add(entry.destination);
      else destinations.delete(entry.destination);
    }
    this.#pending.add(entry);
  }

  #schedule(entry: RouteEntry): void {
    if (deadlineOf(entry) < Number.POSITIVE_INFINITY) this.#timed.add(entry);
    else this.#timed.delete(entry);
  }

  #forgetIfIdle(entry: RouteEntry): void {
    if (entry.desired.nexthops.length > 0 || entry.programmed !== undefined) return;
    this.#index.forget(entry);
    this.#timed.delete(entry);
  }
}

function deadlineOf({ removeAt, failure }: RouteEntry): number {
  return Math.min(removeAt ?? Number.POSITIVE_INFINITY, failure?.retryAt ?? Number.POSITIVE_INFINITY);
}
