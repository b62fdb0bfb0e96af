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
import type { Pace } from '../pace.ts';
import { AbsentInterfaces } from './absent-interfaces.ts';
import { Agenda } from './agenda.ts';
import { adoptObjects } from './groups/adopt-objects.ts';
import { Cohorts } from './groups/cohorts.ts';
import type { GroupForm } from './groups/group-form.ts';
import { GroupPlan } from './groups/group-plan.ts';
import type { LinkTable } from './link-table.ts';
import { type ApplyResult, outcomeUnknown } from './native.ts';
import { readObjects } from './nexthop-object.ts';
import { NexthopPacker } from './nexthop-packer.ts';
import { emptyNexthops, interfaceAt } from './nexthops.ts';
import { addAction, type RouteView } from './packed-route.ts';
import { headerLength, nexthopLength } from './record-layout.ts';
import { RouteBatch } from './route-batch.ts';
import { RouteBeliefs } from './route-beliefs.ts';
import {
  type Decision,
  type DecisionRules,
  decide,
  type RouteAction,
  type RouteEntry,
  type RouteFailure,
  type RouteProtocols,
} from './route-entry.ts';
import { type RouteEvent, settleRequest } from './route-outcome.ts';
import { StrayRoutes } from './stray-routes.ts';

export interface RouteTableOptions {
  /** Routing table, 254 is main. */
  table: number;
  metric: number;
  protocols: RouteProtocols;
  /** How long a withdrawn route still forwards before it is removed, in milliseconds. */
  settleMs: number;
  links: LinkTable;
  /** By what kind of nexthop group routes lead to their nexthops; default by none, each has its own. */
  groups?: GroupForm | undefined;
}

/** One pass's requests: the bytes for the kernel, and which destination each of them is about. */
export interface RoutePlan {
  batch: RouteBatch;
  groups: GroupPlan;
  requests: {
    entry: RouteEntry;
    action: RouteAction;
    revision: number;
    /** The place of its request in the batch, or of its group's when that alone brings it about. */
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
  readonly #agenda = new Agenda();
  readonly #cohorts: Cohorts;
  readonly #rules: DecisionRules;
  readonly #beliefs: RouteBeliefs;
  readonly #strays: StrayRoutes;
  readonly #absent: AbsentInterfaces;
  /** Numbers of interfaces that were lost since the last plan was made. */
  readonly #lost = new Set<number>();
  /** What happened and was not told yet. */
  #events: RouteEvent[] = [];

  constructor(options: RouteTableOptions) {
    this.#options = options;
    const { metric, protocols, settleMs, links } = options;
    const tell = (event: RouteEvent) => this.#events.push(event);
    const cohorts = new Cohorts(options.groups, protocols.advertise);
    this.#beliefs = new RouteBeliefs({ metric, protocols, links, agenda: this.#agenda, cohorts, tell });
    this.#rules = {
      packer: new NexthopPacker(links, options.groups === undefined),
      cohorts,
      protocols,
      settleMs,
    };
    this.#cohorts = cohorts;
    this.#strays = new StrayRoutes(protocols.hold, settleMs);
    this.#absent = new AbsentInterfaces(links);
  }

  /** Whether the kernel has to be read (`adopt`) before it is written. */
  get suspect(): boolean {
    return this.#beliefs.suspect;
  }

  /** How many doubts there were; a reading of the kernel that starts now answers as many. */
  get doubts(): number {
    return this.#beliefs.doubts;
  }

  /** Something happened in the kernel that we can not account for. */
  distrust(): void {
    this.#beliefs.distrust();
  }

  /** Destinations that are announced: programmed under the advertise protocol. */
  get announced(): ReadonlySet<Destination> {
    return this.#beliefs.announced;
  }

  /** What is announced, with its packed nexthops. */
  announcedRoutes(): { destination: Destination; nexthops: Uint8Array }[] {
    return this.#beliefs.announcedRoutes();
  }

  /** @param target what serves the destination from now on, or drains; no nexthops when nothing does */
  want(destination: Destination, target: DesiredTarget): void {
    const { index } = this.#beliefs;
    if (target.nexthops.length === 0 && index.get(destination) === undefined) return;
    const entry = index.ensure(destination);
    index.want(entry, target);
    for (const { interface: name } of target.nexthops) this.#absent.note(name);
    this.#tryAtOnce(entry);
  }

  /** Interfaces came, went or changed: whoever wants them is looked at again, failed ones at once. */
  relink(names: Iterable<string>): void {
    for (const name of names) {
      for (const entry of this.#beliefs.index.wanting(name)) {
        this.#absent.note(name);
        this.#tryAtOnce(entry);
      }
    }
  }

  /** Something came that gateways may be reached by: what was refused is tried again at once. */
  retryRefused(): boolean {
    const refused = [...this.#agenda.timed()].filter(({ failure }) => failure?.kind === 'refused');
    for (const entry of refused) this.#tryAtOnce(entry);
    return refused.length > 0;
  }

  /** An interface went (`gone`) or was set down, and routes with it. */
  loseLink(index: number, gone: boolean): void {
    this.#lost.add(index);
    this.#beliefs.loseLink(index, gone);
  }

  /** Others changed a route under our protocols, or at our metric. @returns whether it was about one of ours */
  observe(view: RouteView, now: number): boolean {
    return this.#beliefs.observe(view, now);
  }

  /** Whether routes lead through nexthop groups: then those are read (`adoptObjects`) before routes are. */
  get usesGroups(): boolean {
    return this.#cohorts.form !== undefined;
  }

  /** Takes the kernel's word for its nexthop objects, as `RouteSocket.nexthopObjects` gives them. */
  adoptObjects(objects: Uint8Array): void {
    adoptObjects(readObjects(objects), this.#cohorts);
  }

  /** Takes the kernel's word for what is programmed (`RouteBeliefs.adopt`). @returns how much was otherwise */
  adopt(dumps: readonly Uint8Array[], answered: number, now: number): number {
    const { drift, strays } = this.#beliefs.adopt(dumps, answered, now);
    this.#strays.found(strays);
    return drift;
  }

  /**
   * Makes BIRD hear of a destination again, though the kernel is right: what is there is written once more, what
   * is not is put up unannounced and taken down.
   */
  remind(destination: Destination): void {
    const entry = this.#beliefs.index.ensure(destination);
    if (entry.programmed === undefined) entry.silentlyLost = true;
    else entry.touch = true;
    this.#agenda.add(entry);
  }

  /**
   * @param now the clock, in milliseconds
   * @param mayRemove whether a withdrawn destination may be removed now; not while BIRD still announces it
   * @param pace what a large plan is sliced by
   * @returns the requests of one pass; none when the kernel is right
   */
  async plan(now: number, mayRemove: (destination: Destination) => boolean, pace: Pace): Promise<RoutePlan> {
    const decisions = await this.#decide(now, mayRemove, pace);
    const batch = new RouteBatch(decisions.length * (headerLength + 2 * nexthopLength));
    const groups = new GroupPlan(this.#cohorts, this.#options.protocols, batch);
    groups.write(decisions);
    const requests: RoutePlan['requests'] = [];
    for (const decision of decisions) {
      const { entry, action } = decision;
      const place = groups.placeOf(decision);
      if (place === undefined && this.#mayHaveVanished(entry, action)) {
        addAction(batch, entry, { ...action, kind: 'create' }, this.#options);
      }
      requests.push({ entry, action, revision: entry.revision, at: place ?? batch.length });
      if (place === undefined) addAction(batch, entry, action, this.#options);
      if (pace.isSpent()) await pace.rest();
    }
    groups.sweep();
    if (this.#strays.sweep(batch, now)) this.distrust();
    return { batch, groups, requests };
  }

  /** What is to be done about those that are due. */
  async #decide(
    now: number,
    mayRemove: (destination: Destination) => boolean,
    pace: Pace,
  ): Promise<Decision[]> {
    const due = this.#agenda.take(now);
    this.#lost.clear();
    const decisions: Decision[] = [];
    for (const entry of due) {
      this.#agenda.look(entry);
      const action = decide(entry, this.#rules, now);
      this.#agenda.schedule(entry);
      if (action === undefined) this.#forgetIfIdle(entry);
      else if (action.kind === 'delete' && !mayRemove(entry.destination)) this.#agenda.wait(entry);
      else decisions.push({ entry, action });
      if (pace.isSpent()) await pace.rest();
    }
    return decisions;
  }

  /** Takes the outcomes of a plan in, in the order of its requests. */
  async settle(
    { requests, groups }: RoutePlan,
    results: ApplyResult,
    now: number,
    pace: Pace,
  ): Promise<void> {
    if (groups.settle(results)) this.distrust();
    for (const request of requests) {
      const { entry, action, revision, at } = request;
      const own = results[at] ?? outcomeUnknown;
      const outcome = groups.outcomeOf(request, own, own === 0 ? undefined : results.messages.get(at));
      if (outcome.left !== undefined) this.#beliefs.program(entry, outcome.left);
      const { errno, words } = outcome;
      const settlement = settleRequest(entry, action, errno, words, this.#options.protocols, now);
      // What others did meanwhile may have come before our request or after it.
      const crossed = entry.revision !== revision || this.#leadsThroughLost(action);
      if (settlement.suspect || crossed) this.distrust();
      if (settlement.suspect && entry.failure?.kind === 'conflict') this.#beliefs.confirmConflict(entry);
      if (settlement.event !== undefined) this.#events.push(settlement.event);
      if (settlement.done && !crossed) {
        this.#beliefs.believe(entry, settlement.programmed);
        this.#agenda.schedule(entry);
        // Something that happened meanwhile is looked at in the next pass.
        if (!entry.pending) this.#forgetIfIdle(entry);
      } else this.#beliefs.program(entry, settlement.programmed);
      if (pace.isSpent()) await pace.rest();
    }
  }

  /** A plan of which nobody knows what became: all that is in it is looked at again. */
  abandon({ requests, groups }: RoutePlan): void {
    groups.abandon();
    for (const { entry } of requests) this.#agenda.add(entry);
  }

  /** What happened since the last call, for the log. */
  takeEvents(): RouteEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** Interfaces found absent since the last call: destinations wait for them. */
  takeAbsent(): string[] {
    return this.#absent.take();
  }

  /** Whether a pass at once may have something to do. */
  get busy(): boolean {
    return this.#agenda.busy || this.suspect || this.#strays.busy || this.#cohorts.busy;
  }

  /** When something is to be done next by the clock, in milliseconds; infinity when nothing is. */
  get nextDeadline(): number {
    return Math.min(this.#agenda.nextDeadline, this.#strays.settledAt);
  }

  /** Destinations that are not programmed as wanted, each with why. */
  *failures(): Generator<{ destination: Destination; failure: RouteFailure }> {
    for (const { destination, failure } of this.#agenda.timed())
      if (failure !== undefined) yield { destination, failure };
  }

  /** Whether the kernel holds nothing of ours, as far as we know. */
  get isEmpty(): boolean {
    const { announced, held } = this.#beliefs;
    return announced.size + held.size === 0 && !this.suspect;
  }

  counts(): RouteCounts {
    const { announced, held } = this.#beliefs;
    return { advertised: announced.size, held: held.size, failed: [...this.failures()].length };
  }

  #tryAtOnce(entry: RouteEntry): void {
    if (entry.failure?.kind === 'refused') entry.failure.retryAt = Number.NEGATIVE_INFINITY;
    this.#agenda.add(entry);
  }

  /**
   * An interface that is told of as down is often one that is being deleted, and then the IPv4 route has gone with
   * it by the time we write: made first where it is not there, there is always something to replace.
   */
  #mayHaveVanished(
    { family, programmed }: RouteEntry,
    action: RouteAction,
  ): action is Extract<RouteAction, { whole: boolean }> {
    if (family !== 4 || action.kind !== 'replace' || programmed?.group !== 0) return false;
    return leadsThrough(programmed.nexthops, index => !this.#options.links.isUsable(index));
  }

  /**
   * Whether what we wrote may have gone again with an interface. What does not lead through a lost one is as we
   * wrote it, whichever came first: reading the kernel to be sure would cost the siblings milliseconds.
   */
  #leadsThroughLost(action: RouteAction): boolean {
    if (this.#lost.size === 0 || !('nexthops' in action)) return false;
    return leadsThrough(action.nexthops, index => this.#lost.has(index));
  }

  #forgetIfIdle(entry: RouteEntry): void {
    if (entry.desired.nexthops.length > 0 || entry.programmed !== undefined) return;
    this.#beliefs.index.forget(entry);
    this.#agenda.forget(entry);
  }
}

/** Whether one of the nexthops leads through an interface of this kind. */
function leadsThrough(nexthops: Uint8Array = emptyNexthops, isOfKind: (index: number) => boolean): boolean {
  for (let start = 0; start < nexthops.length; start += nexthopLength)
    if (isOfKind(interfaceAt(nexthops, start))) return true;
  return false;
}
