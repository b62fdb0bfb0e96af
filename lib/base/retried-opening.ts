/**
 * Opens what routing does not need, such as a listener: until it succeeds it is tried again, with a growing pause, and
 * the caller goes on meanwhile.
 */
import type { Clock } from './clock.ts';
import type { FlockError } from './errors.ts';
import type { Log } from './log.ts';
import { RepeatedFailure } from './repeated-failure.ts';

export interface RetriedOpeningOptions {
  /** Resolves with what closes it again; rejects with a FlockError, which is logged once for each message. */
  open: () => Promise<() => unknown>;
  /** The log line about success after a failure, such as `serving /metrics at 127.0.0.1:9470`. */
  opened: string;
  /** For what others can remove: asked every 30 s, and when it says no, `lost` is logged and it is opened again. */
  guard?: { isIntact: () => Promise<boolean>; lost: string };
  clock: Clock;
  log: Log;
}

/** The pause doubles from the first to the longest, in milliseconds. */
const pauseMs = { first: 1000, longest: 30_000 };

export class RetriedOpening {
  readonly #options: RetriedOpeningOptions;
  readonly #failure = new RepeatedFailure();
  #cancel: () => void = () => {};
  #attempt: Promise<void> = Promise.resolve();
  #close: (() => unknown) | undefined;
  #problem: FlockError | undefined;
  #stopped = false;

  constructor(options: RetriedOpeningOptions) {
    this.#options = options;
  }

  /** Why the last attempt failed; undefined when it is open, or before the first attempt has ended. */
  get problem(): FlockError | undefined {
    return this.#problem;
  }

  /** Resolves when the first attempt has ended, whatever came of it. */
  get tried(): Promise<void> {
    return this.#attempt;
  }

  get isOpen(): boolean {
    return this.#close !== undefined;
  }

  /** Returns at once, and never throws. */
  start(): void {
    this.#attempt = this.#try(pauseMs.first);
  }

  /** Closes it, or ends the attempts. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#attempt;
    await this.#close?.();
    this.#close = undefined;
  }

  async #try(pause: number): Promise<void> {
    const { open, opened, clock, log } = this.#options;
    try {
      this.#close = await open();
      if (this.#problem !== undefined) log.info(opened);
      this.#problem = undefined;
      this.#failure.end();
      this.#checkLater();
    } catch (thrown) {
      const { code, message, remedy } = thrown as FlockError;
      this.#problem = thrown as FlockError;
      if (this.#failure.isNew(message)) log.warn({ code, remedy }, `${message}; it is tried again`);
      if (this.#stopped) return;
      this.#cancel = clock.after(pause, () => {
        this.#attempt = this.#try(Math.min(2 * pause, pauseMs.longest));
      });
    }
  }

  #checkLater(): void {
    const { guard, clock } = this.#options;
    if (guard === undefined || this.#stopped) return;
    this.#cancel = clock.after(pauseMs.longest, () => {
      this.#attempt = this.#check(guard);
    });
  }

  async #check({ isIntact, lost }: NonNullable<RetriedOpeningOptions['guard']>): Promise<void> {
    if (await isIntact()) return this.#checkLater();
    this.#options.log.warn(lost);
    await this.#close?.();
    this.#close = undefined;
    if (!this.#stopped) await this.#try(pauseMs.first);
  }
}
