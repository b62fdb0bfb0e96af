/** Reports that another program deletes our nexthop objects, and what to set: one line, however many routes went. */
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import type { Metrics } from './metrics.ts';

/** Where it happens at each new interface, it happens with each pod: reported again after so many milliseconds. */
const againMs = 600_000;

const remedy =
  'if systemd-networkd runs here, set ManageForeignNextHops=no in the section [Network] of its networkd.conf (an older one than 256 does not know this key: set routes.nexthops: multipath); otherwise see what deletes them (ip monitor nexthop)';

export class NexthopDeletions {
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #repeated = new RepeatedFailure(againMs);
  #unreported = { objects: 0, routes: 0 };

  constructor(log: Log, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  report({ objects, routes }: { objects: number; routes: number }): void {
    this.#metrics.deletedObjects.inc(objects);
    this.#unreported.objects += objects;
    this.#unreported.routes += routes;
    if (!this.#repeated.isNew('deleted')) return;
    const count = this.#unreported;
    this.#unreported = { objects: 0, routes: 0 };
    this.#log.warn(
      { code: 'NEXTHOPS_DELETED', ...count, remedy },
      `another program deleted ${count.objects} nexthop object(s) of ours, and with them ${count.routes} route(s); they are put back`,
    );
  }
}
