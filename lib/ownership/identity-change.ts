/**
 * One identity after another: what is remembered, what BIRD learns, and when routes move. `relocation.ts` has the
 * order and its reasons.
 */
import { setTimeout } from 'node:timers/promises';
import type { Destination } from '../base/address.ts';
import type { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { nothingListens } from '../bird/control.ts';
import type { BirdOutcome } from '../bird/manager.ts';
import { describeIdentity, type RouteIdentity, sameIdentity } from '../config/route-identity.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';
import { IdentityMemory } from './identity-memory.ts';
import { Relocation } from './relocation.ts';

export interface IdentityChangeOptions {
  memory: IdentityMemory;
  present: RouteIdentity;
  /** How long BIRD has to see a change before the next, in milliseconds. */
  settleMs: number;
  /** Has BIRD learn these identities beside the present one; none when all has moved. */
  learnAlso: (former: readonly RouteIdentity[]) => Promise<BirdOutcome | undefined>;
  /** Whether BIRD no longer announces a destination. */
  isWithdrawn: (destination: Destination) => boolean;
  log: Log;
}

/**
 * How long routes wait for a BIRD that runs but does not take the configuration that learns both identities, in
 * milliseconds. Then pods come first: a route that is not followed leads to a pod that is gone.
 */
const patience = { longestMs: 10_000, pauseMs: 500 };

export class IdentityChange {
  readonly #options: IdentityChangeOptions;
  readonly #former: readonly RouteIdentity[];
  /** Not the programmer's: what happens on it is to be heard by the programmer's monitor. */
  #socket: RouteSocket | undefined;
  /** Undefined before `begin`, and when nothing is left to do. */
  #relocation: Relocation | undefined;
  #sweeping = false;

  constructor(options: IdentityChangeOptions) {
    this.#options = options;
    this.#former = options.memory.identities.filter(identity => !sameIdentity(identity, options.present));
  }

  /** Before the first pass: the routes of former identities become routes of the present one. */
  async begin(signal: AbortSignal): Promise<void> {
    if (this.#former.length === 0) return;
    await this.#untilBirdLearns(signal);
    if (signal.aborted) return;
    const socket = new RouteSocket();
    this.#socket = socket;
    this.#relocation = new Relocation({ ...this.#options, socket, former: this.#former });
    await this.#relocation.move();
  }

  /** After each pass: what could not be moved goes. Does nothing when there is nothing left. */
  async afterPass(): Promise<void> {
    if (this.#relocation === undefined || this.#sweeping) return;
    this.#sweeping = true;
    try {
      if (await this.#relocation.sweep(this.#options.isWithdrawn)) await this.#finish();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const remedy = 'it is tried again after each pass, and when the agent starts';
      // Closed is what it is when the agent stops meanwhile.
      if (code !== 'ERR_CLOSED')
        this.#options.log.warn({ remedy }, `can not sweep a former identity: ${message}`);
    } finally {
      this.#sweeping = false;
    }
  }

  async stop(): Promise<void> {
    this.#relocation = undefined;
    await this.#socket?.close();
  }

  async #finish(): Promise<void> {
    const { memory, learnAlso, log } = this.#options;
    await this.stop();
    log.info(`nothing is left of ${this.#former.map(describeIdentity).join('; ')}`);
    await learnAlso([]);
    await memory.forget(this.#former);
  }

  async #untilBirdLearns(signal: AbortSignal): Promise<void> {
    const { learnAlso, log } = this.#options;
    const deadline = performance.now() + patience.longestMs;
    // A BIRD that hangs must not keep us from stopping.
    const aborted = new Promise<undefined>(resolve =>
      signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    );
    while (!signal.aborted) {
      const error = (await Promise.race([learnAlso(this.#former), aborted]))?.error;
      if (error === undefined || nothingListens(error)) return;
      if (performance.now() > deadline) break;
      await setTimeout(patience.pauseMs, undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) return;
    const remedy = 'see what BIRD says above';
    log.warn(
      { remedy },
      'BIRD does not take a configuration that learns routes of both identities: they may be withdrawn while they move',
    );
  }
}

/**
 * The identities that are remembered, the present one among them: it is on disk before its first route. A file that
 * can not be understood is set aside, one that can not be written is named; neither keeps pods waiting.
 */
export async function openIdentityMemory(
  path: string,
  present: RouteIdentity,
  log: Log,
): Promise<IdentityMemory> {
  const memory = new IdentityMemory(path);
  const warn = (thrown: unknown) => {
    const { code, message, remedy } = thrown as FlockError;
    log.warn({ code, remedy }, message);
  };
  try {
    await memory.load();
  } catch (thrown) {
    warn(thrown);
    const aside = await memory.setAside().catch(() => undefined);
    if (aside !== undefined) log.warn({ path: aside }, `the broken state file is now ${aside}`);
  }
  await memory.remember(present).catch(warn);
  return memory;
}
