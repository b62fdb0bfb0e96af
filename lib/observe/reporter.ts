/** Reports what the agent does: one log line per event, and the metrics. */

import { bothFamilies, type Family, familyOf } from '../base/address.ts';
import type { Log } from '../base/log.ts';
import { PodLog } from '../base/pod-log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import type { ResolveWarning } from '../desired/views.ts';
import type { Shadow } from '../kernel/lookups/shadows.ts';
import type { PassOutcome } from '../kernel/route-programmer.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { LinkTable } from '../kernel/socket/link-table.ts';
import { describeNexthops } from '../kernel/socket/nexthops.ts';
import type { RouteEvent } from '../kernel/state/route-event.ts';
import type { Metrics } from './metrics.ts';
import { NexthopDeletions } from './nexthop-deletions.ts';

/** With more changes than this in one pass, each has a line of its own only at the level `debug`. */
const spelledOut = 200;

const states = [
  ['advertised', 'advertised'],
  ['unpeered', 'routed, and announced to nobody because no BGP peer carries their family'],
  ['held', 'held'],
  ['failed', 'failed'],
] as const;

export interface ReporterOptions {
  log: Log;
  /** Where warnings about pods go. Default: one of its own. */
  podLog?: PodLog;
  metrics: Metrics;
  links: LinkTable;
  table: RouteTable;
  /** Families that a BGP peer carries. Default: both. */
  carried?: () => ReadonlySet<Family>;
}

/** What a reconciler reports to. */
export class Reporter {
  readonly #log: Log;
  readonly #podLog: PodLog;
  readonly #metrics: Metrics;
  readonly #links: LinkTable;
  readonly #failure = new RepeatedFailure();
  readonly #deletions: NexthopDeletions;
  readonly #carried: () => ReadonlySet<Family>;
  #shadowed = new Set<string>();

  constructor({
    log,
    podLog = new PodLog(log),
    metrics,
    links,
    table,
    carried = () => bothFamilies,
  }: ReporterOptions) {
    this.#carried = carried;
    this.#log = log;
    this.#podLog = podLog;
    this.#metrics = metrics;
    this.#links = links;
    this.#deletions = new NexthopDeletions(log, metrics);
    metrics.watchShadows(() => this.#shadowed.size);
    for (const [state, meaning] of states)
      metrics.watchDestinations(state, meaning, () => table.counts(carried())[state]);
  }

  /** @param durationMs of the whole pass */
  passed(
    { events, requests, drift, deletions, absent, shadows }: PassOutcome,
    durationMs: number,
    first: boolean,
  ): void {
    this.#failure.end();
    this.#metrics.passes.inc({ wrote: String(requests.length > 0) });
    if (first)
      this.#log.info({ adopted: drift }, `in sync: ${drift} route(s) of ours were already in the kernel`);
    else if (drift > 0) this.#metrics.drift.inc(drift);
    for (const name of absent) {
      const remedy =
        'bring it up, or correct hostInterface of the allocations; it is used as soon as it is up';
      this.#log.warn(
        { interface: name, remedy },
        `interface ${name} does not exist or is down: its pods get no traffic`,
      );
    }
    if (deletions !== undefined) this.#deletions.report(deletions);
    if (shadows !== undefined) this.#reportShadows(shadows);
    if (requests.length > 0) this.#metrics.passSeconds.observe(durationMs / 1000);
    this.#count(events);
    const many = events.length > spelledOut;
    // Messages that are not logged are not composed.
    const each = !many || this.#log.isLevelEnabled('debug');
    for (const event of events) if (each || event.message !== undefined) this.#reportEvent(event, many);
    if (many) {
      this.#log.info(
        { changes: events.length, ms: round(durationMs) },
        `${events.length} destinations changed`,
      );
    }
  }

  passFailed(error: unknown): void {
    const { message, code } = error as NodeJS.ErrnoException;
    if (!this.#failure.isNew(message)) return;
    this.#log.error(
      { code, remedy: 'no route was removed; the next tick tries again' },
      `pass failed: ${message}`,
    );
  }

  warned({ key, message, value, remedy }: ResolveWarning): void {
    this.#podLog.warn(key, { value, remedy }, message);
  }

  /** One line for each when it begins, and one when it ends. */
  #reportShadows(shadows: readonly Shadow[]): void {
    for (const { destination, towards } of shadows) {
      if (this.#shadowed.has(destination)) continue;
      const remedy = 'remove the route with a better metric, the rule or the address that takes its packets';
      this.#log.warn(
        { destination, code: 'ROUTE_SHADOWED', remedy },
        `shadowed ${destination}: packets go to ${towards} instead of the pods, and it is not announced`,
      );
    }
    const now = new Set(shadows.map(({ destination }) => destination));
    for (const destination of this.#shadowed) {
      if (!now.has(destination)) this.#log.info({ destination }, `no longer shadowed ${destination}`);
    }
    this.#shadowed = now;
  }

  /** Most events of a pass are of one kind: the metric is incremented once for a run of equal ones. */
  #count(events: readonly RouteEvent[]): void {
    const { requests } = this.#metrics;
    for (let first = 0; first < events.length; ) {
      const event = events[first] as RouteEvent;
      const outcome = outcomeOf(event);
      let end = first + 1;
      while (events[end]?.kind === event.kind && outcomeOf(events[end] as RouteEvent) === outcome) end++;
      requests.inc({ request: event.kind, outcome }, end - first);
      first = end;
    }
  }

  #reportEvent({ kind, destination, nexthops, message }: RouteEvent, many: boolean): void {
    const via = describeNexthops(nexthops, this.#links);
    // What nobody hears of is not called advertised.
    const isUnheard = kind === 'advertise' && !this.#carried().has(familyOf(destination));
    const verb = isUnheard ? 'route, without a peer for it,' : kind;
    const words = `${verb} ${destination}${via === '' ? '' : ` via ${via}`}`;
    if (message !== undefined) this.#log.warn({ destination, kind }, `${words}: ${message}`);
    else this.#log[many ? 'debug' : 'info']({ destination, kind }, words);
  }
}

function outcomeOf({ message }: RouteEvent): 'done' | 'refused' {
  return message === undefined ? 'done' : 'refused';
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
