/**
 * Brings changes of the sources into the kernel and BIRD: one pass at a time; changes during a pass are for the
 * next one.
 */

import type { Destination, Family } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Source } from '../base/source.ts';
import { TimeSlice } from '../base/time-slice.ts';
import type { DesiredTable } from '../desired/desired-table.ts';
import type { AllocationView, PodView } from '../desired/views.ts';
import type { RouteProgrammer } from '../kernel/route-programmer.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { Reporter } from '../observe/reporter.ts';
import { Withdrawals } from './withdrawals.ts';

/**
 * Keeps BIRD's configuration up to date. In learn mode BIRD learns what to announce from the kernel's routes; in filter
 * mode from here.
 */
export interface Announcer {
  /** Makes the announcements follow the active set; returns at once. */
  follow(active: ReadonlySet<Destination>): void;
  /** Calls `listener` when another pass is needed. @returns unsubscribes */
  onChange(listener: () => void): () => void;
}

/** Routes of former configurations, which are replaced by routes of the present one. */
export interface FormerRoutes {
  /** Called after each pass; returns at once. */
  afterPass(): void;
}

/** The parts that a reconciler drives. It starts and stops none of them. */
export interface ReconcilerOptions {
  pods: Source<PodView>;
  allocations: Source<AllocationView>;
  desired: DesiredTable;
  table: RouteTable;
  programmer: Pick<RouteProgrammer, 'nextDeadline' | 'onChange' | 'pass' | 'read'>;
  /** Default: none; only the kernel's routes announce. */
  announcer?: Announcer;
  /** Default: none. */
  formerRoutes?: FormerRoutes;
  reporter: Pick<Reporter, 'passed' | 'passFailed' | 'warned'>;
  clock: Clock;
  /** The longest time between two passes, in milliseconds. */
  tickMs: number;
  /** Divides the work of a large change. Default: a time slice of its own. */
  slice?: TimeSlice;
}

const noAnnouncer: Announcer = { follow() {}, onChange: () => () => {} };

/** Makes the kernel, and then the announcer, follow pods and allocations. `run` is the loop, `reconcile` one pass. */
export class AnycastReconciler {
  readonly #options: ReconcilerOptions;
  readonly #announcer: Announcer;
  readonly #slice: TimeSlice;
  /** Pods to update in the next pass, by `namespace/name`. */
  #dirty = new Set<string>();
  /** Destinations whose target may have changed, and that the route table does not have yet. */
  readonly #touched = new Set<Destination>();
  readonly #withdrawals = new Withdrawals(() => {
    this.#updateAll = true;
    this.trigger();
  });
  #updateAll = false;
  #triggered = false;
  #wake: () => void = () => {};
  #firstPass = true;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#announcer = options.announcer ?? noAnnouncer;
    this.#slice = options.slice ?? new TimeSlice(() => options.clock.now());
    const take = (keys: ReadonlySet<string>) => {
      for (const key of keys) this.#dirty.add(key);
      this.trigger();
    };
    options.pods.onChange(take);
    options.allocations.onChange(take);
    options.programmer.onChange(() => this.trigger());
    this.#announcer.onChange(() => this.trigger());
  }

  /** Requests a pass. Several requests before the pass begins lead to one pass. */
  trigger(): void {
    this.#triggered = true;
    this.#wake();
  }

  /**
   * Withdraws every destination, as for a node that drains, while the routes still forward; or announces them again.
   *
   * @param until when the routes are removed, in milliseconds of the clock: infinity for never; undefined announces
   *   the destinations again
   */
  withdrawEverything(until: number | undefined): void {
    this.#withdrawals.setEverything(until);
  }

  /** Withdraws the destinations of these families, while their routes still forward, and announces those of others. */
  withdrawFamilies(families: ReadonlySet<Family>): void {
    this.#withdrawals.setFamilies(families);
  }

  /** Writes these routes to the kernel again in the next pass, so that BIRD gets a notification. */
  reannounce(destinations: readonly Destination[]): void {
    for (const destination of destinations) this.#options.table.reannounce(destination);
    this.trigger();
  }

  /** Runs passes until `signal` aborts or `done`: at start, when triggered, at deadlines, and on each tick. */
  async run(signal: AbortSignal, done: () => boolean = () => false): Promise<void> {
    const { reporter } = this.#options;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      this.#triggered = false;
      let failed = false;
      try {
        await this.reconcile(signal);
      } catch (error) {
        failed = true;
        if (!signal.aborted) reporter.passFailed(error);
      }
      if (done()) return;
      await this.#waitForNextPass(signal, failed);
    }
  }

  /**
   * One pass. Changes no route before every source has been read once: a missing pod then means nothing.
   *
   * @param signal ends the pass before it writes to the kernel; the remaining changes are for the next pass
   */
  async reconcile(signal?: AbortSignal): Promise<void> {
    const { table, programmer, formerRoutes, reporter, clock } = this.#options;
    const announcer = this.#announcer;
    if (!this.#synced) return this.#configureBirdBeforeSync();
    // What is announced already was served before this program began.
    if (this.#firstPass) await programmer.read();
    if (!(await this.#updateDesired(signal))) return;
    const started = clock.now();
    const outcome = await programmer.pass();
    reporter.passed(outcome, clock.now() - started, this.#firstPass);
    this.#firstPass = false;
    // In learn mode the kernel has notified BIRD of the routes already.
    announcer.follow(table.announced);
    formerRoutes?.afterPass();
  }

  get #synced(): boolean {
    const { pods, allocations } = this.#options;
    return pods.synced && allocations.synced;
  }

  /**
   * Configures BIRD before the sources have synced: the API server may be reachable only by routes of BIRD's sessions.
   * Until then BIRD announces what the kernel's routes announce.
   */
  async #configureBirdBeforeSync(): Promise<void> {
    const { programmer, table } = this.#options;
    await programmer.read();
    this.#announcer.follow(table.announced);
  }

  /**
   * Updates the desired routes with all changes of the sources up to now, before any of them is written to the kernel.
   * @returns false when `signal` has aborted meanwhile
   */
  async #updateDesired(signal: AbortSignal | undefined): Promise<boolean> {
    const { allocations, desired, clock } = this.#options;
    // Sources were started before this object subscribed: the first pass takes everything.
    const keys = this.#firstPass ? new Set(allocations.snapshot().keys()) : this.#dirty;
    for (const key of desired.holds.due(clock.now())) keys.add(key);
    // Later changes are for the next pass.
    if (keys.size > 0 || this.#dirty.size > 0) this.#dirty = new Set();
    if (!(await this.#resolve(keys, signal))) {
      for (const key of keys) this.#dirty.add(key);
      return false;
    }
    return this.#want(signal);
  }

  /** @returns false when `signal` has aborted meanwhile */
  async #resolve(keys: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<boolean> {
    const { pods, allocations, desired, table, reporter, clock } = this.#options;
    const now = clock.now();
    const inherited = this.#firstPass ? table.announced : undefined;
    for (const key of keys) {
      const [allocation, pod] = [allocations.snapshot().get(key), pods.snapshot().get(key)];
      const change = desired.update(key, allocation, pod, now, inherited);
      this.#touch(change.touched);
      for (const warning of change.warnings) reporter.warned(warning);
      if (this.#slice.isOver(1 + change.touched.length) && (await this.#isAbortedAfterYield(signal)))
        return false;
    }
    return true;
  }

  /** @returns false when `signal` has aborted meanwhile */
  async #want(signal: AbortSignal | undefined): Promise<boolean> {
    const { desired, table } = this.#options;
    for (const destination of desired.endDrains(this.#options.clock.now())) this.#touched.add(destination);
    if (this.#updateAll) for (const destination of desired.destinations()) this.#touched.add(destination);
    this.#updateAll = false;
    const touched = [...this.#touched];
    for (let at = 0; at < touched.length; at++) {
      const destination = touched[at] as Destination;
      table.want(destination, this.#withdrawals.applyTo(destination, desired.target(destination)));
      if (this.#slice.isOver() && (await this.#isAbortedAfterYield(signal))) return false;
    }
    this.#touched.clear();
    return true;
  }

  #touch(destinations: readonly Destination[]): void {
    for (const destination of destinations) this.#touched.add(destination);
  }

  /** Yields to the event loop. @returns whether `signal` has aborted */
  async #isAbortedAfterYield(signal: AbortSignal | undefined): Promise<boolean> {
    await this.#slice.yield();
    return signal?.aborted === true;
  }

  /**
   * Waits for the next trigger, deadline or tick. Before the sources have synced, deadlines are ignored. After a failed
   * pass, only the tick counts. Always yields to the event loop once.
   */
  async #waitForNextPass(signal: AbortSignal, failed: boolean): Promise<void> {
    const { table, desired, programmer, clock, tickMs } = this.#options;
    await new Promise<void>(resolve => setImmediate(resolve));
    const waitsForTick = failed || !this.#synced;
    if (signal.aborted || (!failed && this.#triggered) || (!waitsForTick && table.busy)) return;
    const deadline = Math.min(programmer.nextDeadline, desired.nextDeadline);
    const pause = waitsForTick ? tickMs : Math.min(tickMs, Math.max(0, deadline - clock.now()));
    await new Promise<void>(resolve => {
      const cancel = clock.after(pause, resolve);
      this.#wake = () => {
        if (failed && !signal.aborted) return;
        cancel();
        resolve();
      };
    });
    this.#wake = () => {};
  }
}
