/**
 * Desired against programmed: what is wanted of the kernel, and what we believe it holds.
 *
 * `desired` comes destination by destination (`want`), `programmed` only from the kernel: what a reading says, what it
 * notifies of others' changes (both `beliefs`), and what a request's outcome proves (`planner`). A destination where
 * the two may differ is pending; a pass looks at nothing else. What proves nothing (a lost reply, an IPv6 replace that
 * failed midway) raises a doubt: the next pass reads the kernel before it writes.
 *
 * Who supplies destinations uses `want` and `reannounce`; who watches uses what is counted and reported; who works on
 * the kernel (`RouteProgrammer`) uses the parts: `beliefs`, `planner` and `cohorts`.
 */
import { bothFamilies, type Destination, type Family, familyOf } from '../base/address.ts';
import type { DesiredTarget } from '../desired/desired-table.ts';
import { Cohorts } from './groups/cohorts.ts';
import type { GroupForm } from './groups/group-form.ts';
import { AbsentInterfaces } from './plan/absent-interfaces.ts';
import { RoutePlanner } from './plan/route-plan.ts';
import type { LinkTable } from './socket/link-table.ts';
import { Agenda } from './state/agenda.ts';
import { RouteBeliefs } from './state/route-beliefs.ts';
import type { RouteEntry, RouteFailure, RouteProtocols } from './state/route-entry.ts';
import type { RouteEvent } from './state/route-event.ts';

/** What makes a route ours, and how routes leave. */
export interface RouteTableOptions {
  /** Routing table, 254 is main. */
  table: number;
  metric: number;
  protocols: RouteProtocols;
  /** How long a withdrawn route still forwards before it is removed, in milliseconds. */
  settleMs: number;
  links: LinkTable;
  /** Which kind of nexthop group routes lead through. Default: none, each route has its own nexthops. */
  groups?: GroupForm | undefined;
  /**
   * Whether something besides the route's tag still announces a destination; then its route is not removed yet, and
   * it is asked again in every pass. Default: nothing does.
   */
  stillAnnounced?: (destination: Destination) => boolean;
}

/** Destinations by state: announced, announced but to nobody, withdrawn but forwarded, not programmed as wanted. */
export interface RouteCounts {
  advertised: number;
  unpeered: number;
  held: number;
  failed: number;
}

/** What happened since it was last asked for. */
export interface RouteNews {
  events: RouteEvent[];
  /** Interfaces that destinations wait for, each reported once while it is absent. */
  absent: string[];
}

/** The destinations of one routing table and metric. It does no I/O: a `RouteProgrammer` does. */
export class RouteTable {
  /** What we believe the kernel holds: takes readings and notifications in. */
  readonly beliefs: RouteBeliefs;
  /** Makes the requests of a pass, and takes their outcomes in. */
  readonly planner: RoutePlanner;
  /** The nexthop groups that routes lead through. */
  readonly cohorts: Cohorts;
  readonly #agenda = new Agenda();
  readonly #absent: AbsentInterfaces;
  /** Whose interfaces were noted last. */
  #noted: DesiredTarget['nexthops'] = [];
  #events: RouteEvent[] = [];

  constructor(options: RouteTableOptions) {
    const { protocols, links, stillAnnounced = () => false } = options;
    this.cohorts = new Cohorts(options.groups, protocols.advertise);
    const shared = {
      ...options,
      agenda: this.#agenda,
      cohorts: this.cohorts,
      report: (event: RouteEvent) => this.#events.push(event),
    };
    this.beliefs = new RouteBeliefs(shared);
    this.planner = new RoutePlanner({ ...shared, beliefs: this.beliefs, stillAnnounced });
    this.#absent = new AbsentInterfaces(links);
  }

  /** @param target what serves the destination from now on, or drains; no nexthops when nothing does */
  want(destination: Destination, target: DesiredTarget): void {
    const { index } = this.beliefs;
    if (target.nexthops.length === 0 && index.get(destination) === undefined) return;
    const entry = index.ensure(destination);
    index.want(entry, target);
    this.#noteInterfaces(target.nexthops);
    this.#retry(entry);
  }

  /**
   * Has the kernel notify BIRD of a destination again, although it is right: a route that is there is written again;
   * for a missing one, a tombstone is added and deleted.
   */
  reannounce(destination: Destination): void {
    const entry = this.beliefs.index.ensure(destination);
    if (entry.programmed === undefined) entry.silentlyLost = true;
    else entry.rewrite = true;
    this.#agenda.add(entry);
  }

  /** Interfaces came, went or changed: the destinations that want them are looked at again, failed ones too. */
  relink(names: Iterable<string>): void {
    for (const name of names) {
      for (const entry of this.beliefs.index.wanting(name)) {
        this.#absent.note(name);
        this.#retry(entry);
      }
    }
  }

  /** An address came by which gateways may be reached: what was refused is tried again. @returns whether any was */
  retryRefused(): boolean {
    const refused = [...this.#agenda.timed()].filter(({ failure }) => failure?.kind === 'refused');
    for (const entry of refused) this.#retry(entry);
    return refused.length > 0;
  }

  /** Destinations that are announced: programmed under the advertise protocol. */
  get announced(): ReadonlySet<Destination> {
    return this.beliefs.announced;
  }

  /** Destinations that are not programmed as wanted, each with why. */
  *failures(): Generator<{ destination: Destination; failure: RouteFailure }> {
    for (const { destination, failure } of this.#agenda.timed())
      if (failure !== undefined) yield { destination, failure };
  }

  /** @param carried families that a BGP peer carries */
  counts(carried: ReadonlySet<Family> = bothFamilies): RouteCounts {
    const { announced, held } = this.beliefs;
    let unpeered = 0;
    if (carried.size < bothFamilies.size)
      for (const destination of announced) if (!carried.has(familyOf(destination))) unpeered++;
    const failed = [...this.failures()].length;
    return { advertised: announced.size - unpeered, unpeered, held: held.size, failed };
  }

  /** Whether the kernel holds nothing of ours, as far as we know. */
  get isEmpty(): boolean {
    const { announced, held, inDoubt } = this.beliefs;
    return announced.size + held.size === 0 && !inDoubt;
  }

  /** Whether another pass may have something to do now. */
  get busy(): boolean {
    return this.#agenda.busy || this.beliefs.inDoubt || this.planner.busy || this.cohorts.busy;
  }

  /** When something is to be done next by the clock, in milliseconds; infinity when nothing is. */
  get nextDeadline(): number {
    return Math.min(this.#agenda.nextDeadline, this.planner.nextDeadline, this.cohorts.nextDeadline);
  }

  /** What happened since the last call, for the log. */
  takeNews(): RouteNews {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return { events, absent: this.#absent.take() };
  }

  /** Destinations that are served alike come one after the other, with the same nexthops. */
  #noteInterfaces(nexthops: DesiredTarget['nexthops']): void {
    if (nexthops === this.#noted) return;
    this.#noted = nexthops;
    for (const { interface: name } of nexthops) this.#absent.note(name);
  }

  /** Has the next pass look at it, without the pause that follows a refusal. */
  #retry(entry: RouteEntry): void {
    if (entry.failure?.kind === 'refused') entry.failure.retryAt = Number.NEGATIVE_INFINITY;
    this.#agenda.add(entry);
  }
}
