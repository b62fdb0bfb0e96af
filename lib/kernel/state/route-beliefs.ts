/**
 * What we believe the kernel holds, and whether that is in doubt. Changed by a reading of the kernel (`adopt`), by its
 * notifications of others' changes (`observe`, `loseLink`), and by the outcomes of our own requests (`record`).
 */
import type { Destination } from '../../base/address.ts';
import type { TimeSlice } from '../../base/time-slice.ts';
import type { Cohorts } from '../groups/cohorts.ts';
import { observeObjects } from '../groups/object-changes.ts';
import { Doubt } from '../socket/doubt.ts';
import type { LinkTable } from '../socket/link-table.ts';
import type { ObjectChange } from '../socket/nexthop-object.ts';
import { configuredNexthops, emptyNexthops, interfacesOf } from '../socket/nexthops.ts';
import { isPrefixRoute } from '../socket/prefix-route.ts';
import { Operation } from '../socket/record-layout.ts';
import { destinationOfView, type RouteView } from '../socket/route-view.ts';
import type { Agenda } from './agenda.ts';
import { afterDeletion, afterLinkLoss, countRestoration } from './drift.ts';
import type { AnnouncedRoute, Programmed, RouteEntry, RouteLoss, RouteProtocols } from './route-entry.ts';
import { conflictOf, contest, type RouteEvent } from './route-event.ts';
import { RouteIndex } from './route-index.ts';
import { RouteReading } from './route-reading.ts';

export interface RouteBeliefsOptions {
  metric: number;
  protocols: RouteProtocols;
  links: LinkTable;
  /** The nexthop groups that routes may lead through. */
  cohorts: Cohorts;
  /** Entries whose belief changed are put on it. */
  agenda: Agenda;
  /** Called with what others' changes led to. */
  report: (event: RouteEvent) => void;
}

export class RouteBeliefs {
  readonly index = new RouteIndex();
  /** Destinations programmed under the advertise protocol. */
  readonly announced = new Set<Destination>();
  /** Destinations programmed under the hold protocol. */
  readonly held = new Set<Destination>();
  readonly #options: RouteBeliefsOptions;
  /** Entries whose prefix and metric were taken, by ourselves or by another owner: the next reading shows which. */
  readonly #unconfirmed = new Set<RouteEntry>();
  readonly #doubt = new Doubt();

  constructor(options: RouteBeliefsOptions) {
    this.#options = options;
  }

  /** Whether the kernel has to be read before it is written. */
  get inDoubt(): boolean {
    return this.#doubt.isOpen;
  }

  raiseDoubt(): void {
    this.#doubt.raise();
  }

  /**
   * Another owner's route, or our own, has this prefix and metric. The next reading shows which: it is of our protocols
   * alone, so another owner's route is not in it.
   */
  awaitConfirmation(entry: RouteEntry): void {
    this.#unconfirmed.add(entry);
  }

  /** What is announced. */
  announcedRoutes(): AnnouncedRoute[] {
    return [...this.announced].map(destination => this.index.ensure(destination));
  }

  /** Believes what the kernel holds for a destination, and has the next pass look at it. */
  record(entry: RouteEntry, programmed: Programmed | undefined): void {
    this.believe(entry, programmed);
    this.#options.agenda.add(entry);
  }

  /** Believes what the kernel holds for a destination. */
  believe(entry: RouteEntry, programmed: Programmed | undefined): void {
    const { cohorts } = this.#options;
    const groupBefore = entry.programmed?.group ?? 0;
    const group = programmed?.group ?? 0;
    if (groupBefore !== group) {
      cohorts.leave(groupBefore);
      cohorts.join(group);
    }
    const before = entry.programmed?.protocol;
    this.index.record(entry, programmed);
    if (before === programmed?.protocol) return;
    this.#under(before)?.delete(entry.destination);
    this.#under(programmed?.protocol)?.add(entry.destination);
  }

  #under(protocol: number | undefined): Set<Destination> | undefined {
    const { advertise, hold } = this.#options.protocols;
    if (protocol === advertise) return this.announced;
    return protocol === hold ? this.held : undefined;
  }

  /** An interface went (`gone`) or was set down, and routes with it. */
  loseLink(index: number, gone: boolean): void {
    const { cohorts } = this.#options;
    cohorts.loseLink(index);
    for (const entry of this.index.through(index)) {
      const content = cohorts.get(entry.programmed?.group ?? 0)?.content;
      // IPv4 routes go without a notification, and BIRD does not notice a change of a group's nexthops.
      if (content?.length === 0) entry.silentlyLost = entry.family === 4;
      this.record(entry, afterLinkLoss(entry, index, gone, content));
    }
  }

  /**
   * Others changed nexthop objects of ours. What went is on the agenda of the next pass.
   *
   * @param now the clock, in milliseconds
   * @returns how many objects they deleted, and how many routes went with these
   */
  observeObjects(changes: Iterable<ObjectChange>, now: number): { objects: number; routes: number } {
    const { cohorts } = this.#options;
    const { groups, deleted, doubt } = observeObjects(changes, cohorts);
    if (doubt) this.raiseDoubt();
    let routes = 0;
    for (const entry of groups.size > 0 ? this.index.values() : []) {
      const { programmed } = entry;
      if (programmed === undefined || !groups.has(programmed.group)) continue;
      const nexthops = cohorts.get(programmed.group)?.content ?? emptyNexthops;
      if (nexthops.length > 0) {
        this.record(entry, { ...programmed, nexthops });
        continue;
      }
      routes++;
      // BIRD is not notified of IPv4 routes that go with their group.
      entry.silentlyLost = entry.family === 4;
      this.#restore(entry, undefined, now, 'with its group');
    }
    return { objects: deleted, routes };
  }

  /**
   * Others changed a route under our protocols, or at our metric.
   *
   * @param view from the monitor
   * @param now the clock, in milliseconds
   * @returns whether it was about one of ours
   */
  observe(view: RouteView, now: number): boolean {
    const { metric, protocols, agenda } = this.#options;
    const isAtOurKey = view.metric === metric && view.isOurKind;
    const entry = isAtOurKey ? this.index.get(destinationOfView(view)) : undefined;
    const ours = view.protocol === protocols.advertise || view.protocol === protocols.hold;
    const deleted = view.operation === Operation.delete;
    if (entry === undefined) {
      if (isPrefixRoute(view.bytes)) return false;
      // A route under our protocols that we never made: the next reading sees to it.
      if (ours && !deleted) this.raiseDoubt();
      return ours;
    }
    if (deleted && this.#wentWithGroup(view.group, entry)) return false;
    const wentWithLinks = deleted && this.#wentWithLinks(view.nexthops);
    if (!wentWithLinks) entry.revision++;
    if (!deleted) {
      const { protocol, group } = view;
      // With net.ipv4.nexthop_compat_mode=0 the kernel names the group alone.
      const nexthops = this.#options.cohorts.get(group)?.content ?? configuredNexthops(view.nexthops);
      this.#restore(entry, ours ? { protocol, nexthops, group } : undefined, now);
    } else if (ours) {
      entry.rewrite = true;
      const left = afterDeletion(entry, view.nexthops);
      if (wentWithLinks) this.record(entry, left);
      else this.#restore(entry, left, now);
    } else if (entry.failure?.kind === 'conflict') {
      entry.failure.retryAt = Number.NEGATIVE_INFINITY;
      agenda.add(entry);
    }
    return true;
  }

  /** A reading of the kernel begins: it answers the doubts that there are now, and none that are raised later. */
  beginReading(): RouteReading {
    return new RouteReading(this.index, this.#options, this.#doubt.raised);
  }

  /**
   * Believes what was read.
   *
   * @param reading of all routes of our table and protocols, both families
   * @param now the clock, in milliseconds
   * @param slice divides the work of a large reading
   * @returns how many destinations were not as we believed, and routes of ours that we can never want
   */
  async adopt(
    reading: RouteReading,
    now: number,
    slice: TimeSlice,
  ): Promise<{ drift: number; strays: RouteView[] }> {
    const { found, strays, absent } = reading.finish();
    this.#doubt.answer(reading.answers);
    for (const { entry, believed, programmed } of found) {
      if (slice.isOver()) await slice.yield();
      if (!this.#stillBelieves(entry, believed)) continue;
      if (entry.failure?.kind === 'conflict') entry.failure = undefined;
      this.#restore(entry, programmed, now);
    }
    for (const { entry, believed } of absent) {
      if (slice.isOver()) await slice.yield();
      if (!this.#stillBelieves(entry, believed)) continue;
      // IPv4 routes can vanish without a notification, and then BIRD still announces them.
      entry.silentlyLost = entry.family === 4;
      this.#restore(entry, undefined, now, this.#isGone(believed.group) ? 'with its group' : 'alone');
    }
    for (const entry of this.#unconfirmed) {
      if (entry.failure?.kind === 'conflict') this.#options.report(conflictOf(entry, entry.failure));
    }
    this.#unconfirmed.clear();
    return { drift: found.length + absent.length, strays };
  }

  /** A notification since the reading may be newer than it: then the kernel is read again. */
  #stillBelieves(entry: RouteEntry, believed: Programmed | undefined): boolean {
    if (entry.programmed === believed) return true;
    this.raiseDoubt();
    return false;
  }

  /** IPv6 notifies of each route that goes with its group: what is known already, and may be undone already. */
  #wentWithGroup(group: number, { programmed }: RouteEntry): boolean {
    return programmed?.group !== group && this.#isGone(group);
  }

  /** Whether this is a nexthop group that the kernel has no more. */
  #isGone(group: number): boolean {
    return group !== 0 && !this.#options.cohorts.get(group)?.content.length;
  }

  /** IPv6 notifies of routes that go with their interface: no other software did it, so restoring does not wait. */
  #wentWithLinks(nexthops: Uint8Array): boolean {
    const interfaces = interfacesOf(nexthops);
    return interfaces.length > 0 && interfaces.every(index => !this.#options.links.isUsable(index));
  }

  /** Believes a change by others. The next pass undoes it; after too many it waits (`countRestoration`). */
  #restore(
    entry: RouteEntry,
    programmed: Programmed | undefined,
    now: number,
    lost: RouteLoss = 'alone',
  ): void {
    const knew = entry.programmed !== undefined;
    this.record(entry, programmed);
    if (!knew || !countRestoration(entry, now, lost)) return;
    const event = contest(entry, now);
    // Of deleted nexthop objects there is one report for all routes.
    if (lost === 'with its group') return;
    if (!entry.drift?.reported) this.#options.report(event);
    if (entry.drift !== undefined) entry.drift.reported = true;
  }
}
