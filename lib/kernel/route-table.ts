/**
 * Desired against programmed: the one place that decides what the kernel is told.
 *
 * `desired` comes destination by destination (`want`), `programmed` only from the kernel: what a dump says
 * (`adopt`) and what a request's outcome proves (`settle`). A destination where the two may differ is pending;
 * a pass looks at nothing else. Outcomes that prove nothing (a lost reply, an IPv6 replace that failed midway)
 * make the table suspect: the next pass reads the kernel before it writes.
 */
import { type Destination, destinationOf, formatAddress, parseAddress } from '../address.ts';
import type { DesiredTarget } from '../desired/desired-table.ts';
import type { LinkTable } from './link-table.ts';
import type { ApplyResult } from './native.ts';
import { configuredNexthops, emptyNexthops, sameNexthops } from './nexthops.ts';
import { packDeletion, packHostRoute, type RouteView, viewRoutes } from './packed-route.ts';
import { Operation } from './record-layout.ts';
import { RouteBatch } from './route-batch.ts';
import {
  decide,
  newEntry,
  type RouteAction,
  type RouteEntry,
  type RouteFailure,
  type RouteProtocols,
} from './route-entry.ts';
import { type RouteEvent, settleRequest } from './route-outcome.ts';

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
  requests: { entry: RouteEntry; action: RouteAction }[];
}

export interface RouteCounts {
  advertised: number;
  held: number;
  failed: number;
}

export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #entries = new Map<Destination, RouteEntry>();
  /** Entries to look at in the next pass. */
  readonly #pending = new Set<RouteEntry>();
  /** Entries that something happens to at a known time. */
  readonly #timed = new Set<RouteEntry>();
  /** Destinations by the interface they want, for when its number changes. */
  readonly #users = new Map<string, Set<RouteEntry>>();
  /** Wanted interfaces that are not there or down, and those among them that nobody was told of yet. */
  readonly #absent = new Set<string>();
  #untoldAbsent: string[] = [];
  /** Entries whose removal waits until they are no longer announced. */
  readonly #waiting = new Set<RouteEntry>();
  readonly #announced = new Set<Destination>();
  /** Our routes that we can never want: another metric's, a type of route we do not make. */
  #strays: RouteView[] = [];
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

  /** @param target what serves the destination from now on, or drains; no nexthops when nothing does */
  want(destination: Destination, target: DesiredTarget): void {
    let entry = this.#entries.get(destination);
    if (entry === undefined) {
      if (target.nexthops.length === 0) return;
      entry = newEntry(destination);
      this.#entries.set(destination, entry);
    }
    for (const { interface: name } of entry.desired.nexthops) this.#users.get(name)?.delete(entry);
    entry.desired = target;
    for (const { interface: name } of target.nexthops) {
      const users = this.#users.get(name);
      if (users === undefined) this.#users.set(name, new Set([entry]));
      else users.add(entry);
      this.#noteAbsence(name);
    }
    if (entry.failure !== undefined && !entry.failure.conflict)
      entry.failure.retryAt = Number.NEGATIVE_INFINITY;
    this.#pending.add(entry);
  }

  /** Interfaces came, went or changed: whoever wants them is looked at again, failed ones at once. */
  relink(names: Iterable<string>): void {
    for (const name of names) {
      const users = this.#users.get(name);
      if (users === undefined || users.size === 0) continue;
      this.#noteAbsence(name);
      for (const entry of users) {
        if (entry.failure !== undefined) entry.failure.retryAt = Number.NEGATIVE_INFINITY;
        this.#pending.add(entry);
      }
    }
  }

  /**
   * Takes the kernel's word for what is programmed.
   *
   * @param dumps all routes of our table and protocols, packed, both families
   * @param answered `doubts` from before the dumps began: what raised doubt since is not answered by them
   * @returns how many destinations were not as we believed
   */
  adopt(dumps: readonly Uint8Array[], answered: number): number {
    const absent = new Set([...this.#entries.values()].filter(entry => entry.programmed !== undefined));
    this.#strays = [];
    let drift = 0;
    for (const view of dumps.flatMap(dump => [...viewRoutes(dump)])) {
      if (view.metric !== this.#options.metric || !view.isOurKind) {
        this.#strays.push(view);
        continue;
      }
      const destination = destinationOf(parseAddress(formatAddress(view.destination)));
      let entry = this.#entries.get(destination);
      if (entry === undefined) {
        entry = newEntry(destination);
        this.#entries.set(destination, entry);
      }
      absent.delete(entry);
      const nexthops = configuredNexthops(view.nexthops);
      const { programmed } = entry;
      const asBelieved = programmed !== undefined && programmed.protocol === view.protocol;
      if (asBelieved && sameNexthops(programmed.nexthops, nexthops)) continue;
      drift++;
      this.#program(entry, { protocol: view.protocol, nexthops });
    }
    for (const entry of absent) {
      drift++;
      this.#program(entry, undefined);
    }
    this.#answered = answered;
    return drift;
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
        this.#encode(plan.batch, entry, action);
        plan.requests.push({ entry, action });
      }
    }
    for (const stray of this.#strays) plan.batch.addPacked(packDeletion(stray), 1);
    return plan;
  }

  /** Takes the outcomes of a plan in, in the order of its requests. @returns what happened, for the log */
  settle({ requests }: RoutePlan, results: ApplyResult, now: number): RouteEvent[] {
    const events: RouteEvent[] = [];
    for (const [index, { entry, action }] of requests.entries()) {
      const errno = results[index] ?? -1;
      const words = results.messages.get(index);
      const { event, suspect } = settleRequest(entry, action, errno, words, this.#options.protocols, now);
      if (suspect) this.distrust();
      if (event !== undefined) events.push(event);
      this.#program(entry, entry.programmed);
    }
    this.#strays = [];
    return events;
  }

  /** Whether a pass at `now` may have something to do. */
  get busy(): boolean {
    return this.#pending.size > 0 || this.suspect || this.#strays.length > 0;
  }

  /** When something is to be done next by the clock, in milliseconds; infinity when nothing is. */
  get nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#timed) next = Math.min(next, deadlineOf(entry));
    return next;
  }

  /** Destinations that the kernel refuses, each with why. */
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

  counts(): RouteCounts {
    const counts = { advertised: this.#announced.size, held: 0, failed: 0 };
    for (const { programmed, failure } of [...this.#timed, ...this.#waiting]) {
      if (programmed?.protocol === this.#options.protocols.hold) counts.held++;
      if (failure !== undefined) counts.failed++;
    }
    return counts;
  }

  #noteAbsence(name: string): void {
    if (this.#options.links.usableIndex(name) !== undefined) this.#absent.delete(name);
    else if (!this.#absent.has(name)) {
      this.#absent.add(name);
      this.#untoldAbsent.push(name);
    }
  }

  #program(entry: RouteEntry, programmed: RouteEntry['programmed']): void {
    entry.programmed = programmed;
    if (programmed?.protocol === this.#options.protocols.advertise) this.#announced.add(entry.destination);
    else this.#announced.delete(entry.destination);
    this.#pending.add(entry);
  }

  #schedule(entry: RouteEntry): void {
    if (deadlineOf(entry) < Number.POSITIVE_INFINITY) this.#timed.add(entry);
    else this.#timed.delete(entry);
  }

  #forgetIfIdle(entry: RouteEntry): void {
    if (entry.desired.nexthops.length > 0 || entry.programmed !== undefined) return;
    this.#entries.delete(entry.destination);
    this.#timed.delete(entry);
  }

  #encode(batch: RouteBatch, entry: RouteEntry, action: RouteAction): void {
    const { table, metric, protocols } = this.#options;
    const { family, bytes: destination } = entry;
    const route = { family, destination, table, metric };
    const { advertise, hold } = protocols;
    const packed =
      action.kind === 'delete'
        ? packHostRoute({
            ...route,
            operation: Operation.delete,
            protocol: entry.programmed?.protocol ?? hold,
            nexthops: emptyNexthops,
          })
        : packHostRoute({
            ...route,
            operation: action.kind === 'create' ? Operation.create : Operation.replace,
            protocol: action.kind === 'hold' ? hold : advertise,
            nexthops: action.nexthops,
          });
    batch.addPacked(packed, 1);
  }
}

function deadlineOf({ removeAt, failure }: RouteEntry): number {
  return Math.min(removeAt ?? Number.POSITIVE_INFINITY, failure?.retryAt ?? Number.POSITIVE_INFINITY);
}
