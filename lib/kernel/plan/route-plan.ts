/**
 * One pass of the route table: the requests for the destinations that are due, and what their outcomes prove. The
 * kernel is asked between `plan` and `settle`; neither overrides what is notified in the meantime.
 */
import type { Destination } from '../../base/address.ts';
import type { TimeSlice } from '../../base/time-slice.ts';
import type { Cohorts } from '../groups/cohorts.ts';
import type { LinkTable } from '../socket/link-table.ts';
import { interfaceAt } from '../socket/nexthops.ts';
import { headerLength, nexthopLength } from '../socket/record-layout.ts';
import { RouteBatch } from '../socket/route-batch.ts';
import { type ApplyResult, outcomeUnknown } from '../socket/route-socket.ts';

import type { RouteView } from '../socket/route-view.ts';
import type { Agenda } from '../state/agenda.ts';
import type { RouteBeliefs } from '../state/route-beliefs.ts';
import type { RouteEntry, RouteProtocols } from '../state/route-entry.ts';
import type { RouteEvent } from '../state/route-event.ts';
import { type DecisionRules, decide } from './decision.ts';
import { GroupPlan } from './group-plan.ts';
import { NexthopPacker } from './nexthop-packer.ts';
import { settleRequest } from './route-outcome.ts';
import { addRequest, type RouteRequest } from './route-request.ts';
import { StrayRoutes } from './stray-routes.ts';

/** One pass's requests: the bytes for the kernel, and which destination each of them is about. */
export interface RoutePlan {
  batch: RouteBatch;
  groups: GroupPlan;
  requests: RouteRequest[];
}

export interface RoutePlannerOptions {
  /** Routing table, 254 is main. */
  table: number;
  metric: number;
  protocols: RouteProtocols;
  /** How long a withdrawn route still forwards before it is removed, in milliseconds. */
  settleMs: number;
  links: LinkTable;
  agenda: Agenda;
  beliefs: RouteBeliefs;
  cohorts: Cohorts;
  /** Whether something besides the route's tag still announces a destination: then its route is not removed yet. */
  stillAnnounced: (destination: Destination) => boolean;
  /** Called with what each request led to. */
  report: (event: RouteEvent) => void;
}

/** Loops that may yield count their steps: in an async function each step of a `for … of` leaves an object behind. */
export class RoutePlanner {
  readonly #options: RoutePlannerOptions;
  readonly #rules: DecisionRules;
  readonly #strays: StrayRoutes;
  /** Numbers of interfaces that were lost since the last plan was made. */
  readonly #lost = new Set<number>();

  constructor(options: RoutePlannerOptions) {
    this.#options = options;
    const { links, cohorts, protocols, settleMs } = options;
    const packer = new NexthopPacker(links, cohorts.form === undefined);
    this.#rules = { packer, cohorts, protocols, settleMs };
    this.#strays = new StrayRoutes(protocols.hold, settleMs);
  }

  /** Whether there are stray routes to withdraw or remove now. */
  get busy(): boolean {
    return this.#strays.busy;
  }

  /** When withdrawn strays are to be read again, in milliseconds of the clock; infinity when there are none. */
  get nextDeadline(): number {
    return this.#strays.settledAt;
  }

  /** An interface went (`gone`) or was set down: a route that is being written may vanish again. */
  loseLink(index: number, gone: boolean): void {
    this.#lost.add(index);
    this.#options.beliefs.loseLink(index, gone);
  }

  /** @param strays all routes of ours that we can never want, as the last reading found them */
  setStrays(strays: RouteView[]): void {
    this.#strays.setStrays(strays);
  }

  /**
   * @param now the clock, in milliseconds
   * @param slice divides the work of a large plan
   * @returns the requests of one pass; none when the kernel is right
   */
  async plan(now: number, slice: TimeSlice): Promise<RoutePlan> {
    const { cohorts, protocols, beliefs } = this.#options;
    const requests = await this.#decide(now, slice);
    const batch = new RouteBatch(requests.length * (headerLength + 2 * nexthopLength));
    const groups = new GroupPlan(cohorts, protocols, batch);
    groups.write(requests, now);
    for (let at = 0; at < requests.length; at++) {
      this.#write(requests[at] as RouteRequest, batch, groups);
      if (slice.isOver()) await slice.yield();
    }
    groups.sweep();
    if (this.#strays.sweep(batch, now)) beliefs.raiseDoubt();
    return { batch, groups, requests };
  }

  /** Takes the outcomes of a plan in, in the order of its requests. */
  async settle(
    { requests, groups }: RoutePlan,
    results: ApplyResult,
    now: number,
    slice: TimeSlice,
  ): Promise<void> {
    if (groups.settle(results)) this.#options.beliefs.raiseDoubt();
    for (let at = 0; at < requests.length; at++) {
      this.#settleOne(requests[at] as RouteRequest, groups, results, now);
      if (slice.isOver()) await slice.yield();
    }
  }

  /** The outcome of a plan is not known: its destinations are looked at again. */
  abandon({ requests, groups }: RoutePlan): void {
    groups.abandon();
    for (const { entry } of requests) this.#options.agenda.add(entry);
  }

  /** The requests for the destinations that are due. */
  async #decide(now: number, slice: TimeSlice): Promise<RouteRequest[]> {
    const { agenda, stillAnnounced } = this.#options;
    const due = agenda.take(now);
    this.#lost.clear();
    const requests: RouteRequest[] = [];
    for (let at = 0; at < due.length; at++) {
      const entry = due[at] as RouteEntry;
      agenda.look(entry);
      const request = decide(entry, this.#rules, now);
      agenda.schedule(entry);
      if (request === undefined) this.#forgetIfIdle(entry);
      else if (request.kind === 'delete' && stillAnnounced(entry.destination)) agenda.wait(entry);
      else requests.push(request);
      if (slice.isOver()) await slice.yield();
    }
    return requests;
  }

  #write(request: RouteRequest, batch: RouteBatch, groups: GroupPlan): void {
    request.revision = request.entry.revision;
    const place = groups.placeOf(request);
    if (place !== undefined) {
      request.at = place;
      return;
    }
    if (this.#mayHaveVanished(request)) addRequest(batch, { ...request, kind: 'create' }, this.#options);
    request.at = batch.length;
    addRequest(batch, request, this.#options);
  }

  #settleOne(request: RouteRequest, groups: GroupPlan, results: ApplyResult, now: number): void {
    const errno = results[request.at] ?? outcomeUnknown;
    const words = errno === 0 ? undefined : results.messages.get(request.at);
    const failure = groups.failureOf(request, errno, words);
    if (failure === undefined) {
      this.#settle(request, errno, words, now);
      return;
    }
    if (failure.left !== undefined) this.#options.beliefs.record(request.entry, failure.left);
    this.#settle(request, failure.errno, failure.words, now);
  }

  #settle(request: RouteRequest, errno: number, words: string | undefined, now: number): void {
    const { beliefs, agenda, protocols, report } = this.#options;
    const { entry, revision } = request;
    const settlement = settleRequest(request, errno, words, protocols, now);
    // What others did meanwhile may have come before our request or after it.
    const crossed = entry.revision !== revision || this.#leadsThroughLost(request);
    if (settlement.inDoubt || crossed) beliefs.raiseDoubt();
    if (settlement.inDoubt && entry.failure?.kind === 'conflict') beliefs.awaitConfirmation(entry);
    if (settlement.event !== undefined) report(settlement.event);
    if (!settlement.done || crossed) {
      beliefs.record(entry, settlement.programmed);
      return;
    }
    beliefs.believe(entry, settlement.programmed);
    agenda.schedule(entry);
    // Something that happened meanwhile is looked at in the next pass.
    if (!entry.pending) this.#forgetIfIdle(entry);
  }

  /**
   * An interface that is reported down is often one that is being deleted, and then the IPv4 route has gone with
   * it by the time we write: made first where it is not there, there is always something to replace.
   */
  #mayHaveVanished({ kind, entry: { family, programmed } }: RouteRequest): boolean {
    if (family !== 4 || kind !== 'replace' || programmed?.group !== 0) return false;
    return leadsThrough(programmed.nexthops, index => !this.#options.links.isUsable(index));
  }

  /**
   * Whether what we wrote may have gone again with an interface. What does not lead through a lost one is as we
   * wrote it, whichever came first: reading the kernel to be sure would cost the siblings milliseconds.
   */
  #leadsThroughLost({ nexthops }: RouteRequest): boolean {
    return this.#lost.size > 0 && leadsThrough(nexthops, index => this.#lost.has(index));
  }

  #forgetIfIdle(entry: RouteEntry): void {
    if (entry.desired.nexthops.length > 0 || entry.programmed !== undefined) return;
    this.#options.beliefs.index.forget(entry);
    this.#options.agenda.forget(entry);
  }
}

/** Whether one of the nexthops leads through an interface of this kind. */
function leadsThrough(nexthops: Uint8Array, isOfKind: (index: number) => boolean): boolean {
  for (let start = 0; start < nexthops.length; start += nexthopLength)
    if (isOfKind(interfaceAt(nexthops, start))) return true;
  return false;
}
