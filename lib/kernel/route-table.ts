/**
 * Desired against programmed: what is wanted of the kernel, and what we believe it holds.
 *
 * `desired` comes destination by destination (`want`), `programmed` only from the kernel: what a dump says
 * (`adopt`), what it notifies of others' doing (`observe`, `loseLink`), and what a request's outcome proves
 * (`settle`). A destination where the two may differ is pending; a pass (`RoutePlanner`) looks at nothing else.
 * What proves nothing (a lost reply, an IPv6 replace that failed midway) makes the table suspect: the next pass
 * reads the kernel before it writes.
 */
import type { Destination } from '../base/address.ts';
import type { TimeSlice } from '../base/time-slice.ts';
import type { DesiredTarget } from '../desired/desired-table.ts';
import { adoptObjects } from './groups/adopt-objects.ts';
import { Cohorts } from './groups/cohorts.ts';
import type { GroupForm } from './groups/group-form.ts';
import { AbsentInterfaces } from './plan/absent-interfaces.ts';
import { type RoutePlan, RoutePlanner } from './plan/route-plan.ts';
import { StrayRoutes } from './plan/stray-routes.ts';
import type { LinkTable } from './socket/link-table.ts';
import { readObjects } from './socket/nexthop-object.ts';
import type { ApplyResult } from './socket/route-socket.ts';
import type { RouteView } from './socket/route-view.ts';
import { Agenda } from './state/agenda.ts';
import { RouteBeliefs } from './state/route-beliefs.ts';
import type { AnnouncedRoute, RouteEntry, RouteFailure, RouteProtocols } from './state/route-entry.ts';
import type { RouteEvent } from './state/route-event.ts';
import type { RouteReading } from './state/route-reading.ts';

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

export interface RouteCounts {
  advertised: number;
  held: number;
  failed: number;
}

export class RouteTable {
  readonly #agenda = new Agenda();
  readonly #cohorts: Cohorts;
  readonly #beliefs: RouteBeliefs;
  readonly #strays: StrayRoutes;
  readonly #planner: RoutePlanner;
  readonly #absent: AbsentInterfaces;
  /** Whose interfaces were noted last. */
  #noted: DesiredTarget['nexthops'] = [];
  /** What happened and was not told yet. */
  #events: RouteEvent[] = [];

  constructor(options: RouteTableOptions) {
    const { protocols, settleMs, links } = options;
    this.#cohorts = new Cohorts(options.groups, protocols.advertise);
    this.#strays = new StrayRoutes(protocols.hold, settleMs);
    const shared = {
      ...options,
      agenda: this.#agenda,
      cohorts: this.#cohorts,
      tell: (event: RouteEvent) => this.#events.push(event),
    };
    this.#beliefs = new RouteBeliefs(shared);
    this.#planner = new RoutePlanner({ ...shared, beliefs: this.#beliefs, strays: this.#strays });
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

  /** What is announced. */
  announcedRoutes(): AnnouncedRoute[] {
    return this.#beliefs.announcedRoutes();
  }

  /** @param target what serves the destination from now on, or drains; no nexthops when nothing does */
  want(destination: Destination, target: DesiredTarget): void {
    const { index } = this.#beliefs;
    if (target.nexthops.length === 0 && index.get(destination) === undefined) return;
    const entry = index.ensure(destination);
    index.want(entry, target);
    this.#noteInterfaces(target.nexthops);
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
    this.#planner.loseLink(index);
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
  adoptObjects(objects: Uint8Array, now: number): void {
    adoptObjects(readObjects(objects), this.#cohorts, now);
  }

  /** A reading of the kernel's routes begins; what it has taken in is to be adopted (`adopt`). */
  beginReading(): RouteReading {
    return this.#beliefs.beginReading();
  }

  /** Takes the kernel's word for what is programmed (`RouteBeliefs.adopt`). @returns how much was otherwise */
  async adopt(reading: RouteReading, answered: number, now: number, slice: TimeSlice): Promise<number> {
    const { drift, strays } = await this.#beliefs.adopt(reading, answered, now, slice);
    this.#strays.setStrays(strays);
    return drift;
  }

  /**
   * Has the kernel notify BIRD of a destination again, although it is right: a route that is there is written again,
   * for one that is not a tombstone is put and deleted.
   */
  reannounce(destination: Destination): void {
    const entry = this.#beliefs.index.ensure(destination);
    if (entry.programmed === undefined) entry.silentlyLost = true;
    else entry.rewrite = true;
    this.#agenda.add(entry);
  }

  /** Makes the requests of one pass (`RoutePlanner.plan`); none when the kernel is right. */
  plan(now: number, mayRemove: (destination: Destination) => boolean, slice: TimeSlice): Promise<RoutePlan> {
    return this.#planner.plan(now, mayRemove, slice);
  }

  /** Takes the outcomes of a plan in, in the order of its requests. */
  settle(plan: RoutePlan, results: ApplyResult, now: number, slice: TimeSlice): Promise<void> {
    return this.#planner.settle(plan, results, now, slice);
  }

  /** A plan of which nobody knows what became: all that is in it is looked at again. */
  abandon(plan: RoutePlan): void {
    this.#planner.abandon(plan);
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
    const { nextDeadline } = this.#cohorts;
    return Math.min(this.#agenda.nextDeadline, this.#strays.settledAt, nextDeadline);
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

  /** Destinations that are served alike come one behind the other, with the same nexthops. */
  #noteInterfaces(nexthops: DesiredTarget['nexthops']): void {
    if (nexthops === this.#noted) return;
    this.#noted = nexthops;
    for (const { interface: name } of nexthops) this.#absent.note(name);
  }

  #tryAtOnce(entry: RouteEntry): void {
    if (entry.failure?.kind === 'refused') entry.failure.retryAt = Number.NEGATIVE_INFINITY;
    this.#agenda.add(entry);
  }
}
