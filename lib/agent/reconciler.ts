/**
 * From "something changed" to "the kernel and BIRD say so": one pass at a time, everything that happened
 * meanwhile in the next one.
 */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { TimeSlice } from '../base/time-slice.ts';
import { type DesiredTable, withdrawn } from '../desired/desired-table.ts';
import type { AllocationView, PodView } from '../desired/views.ts';
import type { RouteProgrammer } from '../kernel/route-programmer.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { Reporter } from '../observe/reporter.ts';

/** A source as the reconciler sees it: values by `namespace/name`, and a call when some change. */
export interface Source<Value> {
  /** True once everything was read for the first time. */
  readonly synced: boolean;
  /** A value is never changed in place: another value is another object. */
  snapshot(): ReadonlyMap<string, Value>;
  /** Calls `listener` with the keys that changed, after the change is in force. @returns what ends it */
  onChange(listener: (keys: ReadonlySet<string>) => void): () => void;
}

/** Where announcements go besides the kernel's route. */
export interface Announcer {
  /** Makes the announcements follow; returns at once. */
  follow(active: ReadonlySet<Destination>): void;
  /** Calls `listener` when a pass may find something else. @returns what ends it */
  onChange(listener: () => void): () => void;
}

/** Routes of a former configuration, which leave while the present one's take their place. */
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
  /** Default: none, the kernel's routes are all there is to announce. */
  announcer?: Announcer;
  /** Default: there are none. */
  formerRoutes?: FormerRoutes;
  reporter: Pick<Reporter, 'passed' | 'passFailed' | 'warned'>;
  clock: Clock;
  /** A pass at least this often, in milliseconds. */
  tickMs: number;
  /** Divides the work of a large change. Default: slices of its own. */
  slice?: TimeSlice;
}

const noAnnouncer: Announcer = { follow() {}, onChange: () => () => {} };

/** Makes the kernel, and then the announcer, follow pods and allocations. `run` is the loop, `reconcile` one pass. */
export class AnycastReconciler {
  readonly #options: ReconcilerOptions;
  readonly #announcer: Announcer;
  readonly #slice: TimeSlice;
  /** Pods to look at in the next pass, by `namespace/name`. */
  #dirty = new Set<string>();
  /** Destinations whose target may be another, not yet told to the table. */
  readonly #touched = new Set<Destination>();
  /** Everything is withdrawn, and forwarded on until this time; undefined while nothing is. */
  #withdrawnUntil: number | undefined;
  #rethink = false;
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

  /** Asks for a pass soon; as often as you like, one pass answers all. */
  trigger(): void {
    this.#triggered = true;
    this.#wake();
  }

  /**
   * Withdraws every destination and forwards on, as a node does that drains; or announces them again.
   *
   * @param until when the routes are removed, in milliseconds of the clock: infinity for never; undefined ends it
   */
  withdrawEverything(until: number | undefined): void {
    if (until === this.#withdrawnUntil) return;
    this.#withdrawnUntil = until;
    this.#rethink = true;
    this.trigger();
  }

  /** Has BIRD hear of these destinations once more: each is written again in the next pass. */
  reannounce(destinations: readonly Destination[]): void {
    for (const destination of destinations) this.#options.table.reannounce(destination);
    this.trigger();
  }

  /** Passes until `signal` aborts or `done`: at start, when triggered, when a time comes, and on the tick. */
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
      await this.#rest(signal, failed);
    }
  }

  /**
   * One pass. Changes no route before every source has been read once: nothing is removed on a guess.
   *
   * @param signal ends it before anything is asked of the kernel; what was not taken in yet waits for the next pass
   */
  async reconcile(signal?: AbortSignal): Promise<void> {
    const { table, programmer, formerRoutes, reporter, clock } = this.#options;
    const announcer = this.#announcer;
    if (!this.#synced) return this.#announceAsFound();
    if (!(await this.#takeIn(signal))) return;
    const started = clock.now();
    const outcome = await programmer.pass();
    reporter.passed(outcome, clock.now() - started, this.#firstPass);
    this.#firstPass = false;
    announcer.follow(table.announced);
    formerRoutes?.afterPass();
  }

  get #synced(): boolean {
    const { pods, allocations } = this.#options;
    return pods.synced && allocations.synced;
  }

  /**
   * BIRD's sessions, and the routes that come by them, do not wait for the sources: the API server may be reached
   * by those routes. What BIRD announces meanwhile is what the kernel announces.
   */
  async #announceAsFound(): Promise<void> {
    const { programmer, table } = this.#options;
    await programmer.read();
    this.#announcer.follow(table.announced);
  }

  /**
   * What changed at the sources becomes what is wanted of the kernel: all that had changed when it began, before
   * the kernel is asked for any of it.
   * @returns false when `signal` has aborted in the middle
   */
  async #takeIn(signal: AbortSignal | undefined): Promise<boolean> {
    const keys = this.#firstPass ? new Set(this.#options.allocations.snapshot().keys()) : this.#dirty;
    // What changes from here on is for the next pass.
    if (keys.size > 0 || this.#dirty.size > 0) this.#dirty = new Set();
    if (!(await this.#resolve(keys, signal))) {
      for (const key of keys) this.#dirty.add(key);
      return false;
    }
    return this.#want(signal);
  }

  /** @returns false when `signal` has aborted in the middle */
  async #resolve(keys: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<boolean> {
    const { pods, allocations, desired, reporter, clock } = this.#options;
    const now = clock.now();
    for (const key of keys) {
      const change = desired.update(key, allocations.snapshot().get(key), pods.snapshot().get(key), now);
      this.#touch(change.touched);
      for (const warning of change.warnings) reporter.warned(warning);
      if (this.#slice.isOver(1 + change.touched.length) && (await this.#isEnded(signal))) return false;
    }
    return true;
  }

  /** @returns false when `signal` has aborted in the middle */
  async #want(signal: AbortSignal | undefined): Promise<boolean> {
    const { desired, table } = this.#options;
    for (const destination of desired.endDrains(this.#options.clock.now())) this.#touched.add(destination);
    if (this.#rethink) for (const destination of desired.destinations()) this.#touched.add(destination);
    this.#rethink = false;
    const until = this.#withdrawnUntil;
    const touched = [...this.#touched];
    for (let at = 0; at < touched.length; at++) {
      const destination = touched[at] as Destination;
      const target = desired.target(destination);
      table.want(destination, until === undefined ? target : withdrawn(target, until));
      if (this.#slice.isOver() && (await this.#isEnded(signal))) return false;
    }
    this.#touched.clear();
    return true;
  }

  #touch(destinations: readonly Destination[]): void {
    for (const destination of destinations) this.#touched.add(destination);
  }

  /** Lets others go first. */
  async #isEnded(signal: AbortSignal | undefined): Promise<boolean> {
    await this.#slice.yield();
    return signal?.aborted === true;
  }

  /**
   * Until the next trigger, time or tick. Before the sources have synced no time counts, and a failed pass waits for
   * the tick. Other work has its turn in between.
   */
  async #rest(signal: AbortSignal, failed: boolean): Promise<void> {
    const { table, desired, programmer, clock, tickMs } = this.#options;
    await new Promise<void>(resolve => setImmediate(resolve));
    const isIdle = failed || !this.#synced;
    if (signal.aborted || (!failed && this.#triggered) || (!isIdle && table.busy)) return;
    const deadline = Math.min(programmer.nextDeadline, desired.nextDeadline);
    const pause = isIdle ? tickMs : Math.min(tickMs, Math.max(0, deadline - clock.now()));
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
