/**
 * Replaces former identities of our routes by the present one: remembers them, makes BIRD learn them, and moves the
 * routes. `relocation.ts` has the order and its reasons.
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
  /** The pause after a change, in which BIRD can read it, in milliseconds. */
  settleMs: number;
  /** Makes BIRD learn routes of these identities in addition to the present one; none when everything has moved. */
  learnAlso: (former: readonly RouteIdentity[]) => Promise<BirdOutcome | undefined>;
  /** Whether BIRD learns routes of these identities by now: a change of its configuration takes a moment. */
  isLearning: (identities: readonly RouteIdentity[]) => Promise<boolean>;
  /** Whether BIRD no longer announces a destination. */
  isWithdrawn: (destination: Destination) => boolean;
  log: Log;
}

/**
 * How long to wait until a running BIRD has accepted the configuration that learns both identities, in milliseconds.
 * After that the routes move nevertheless: until the first pass, a route may lead to a pod that is gone.
 */
const birdWait = { longestMs: 10_000, pauseMs: 100 };

export class IdentityChange {
  readonly #options: IdentityChangeOptions;
  readonly #former: readonly RouteIdentity[];
  /** Separate from the programmer's socket, so that the programmer's monitor reports the changes made here. */
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
    const socket = new RouteSocket();
    this.#socket = socket;
    const relocation = new Relocation({ ...this.#options, socket, former: this.#former });
    await this.#movePrefixRoutes(relocation);
    await this.#untilBirdLearns(signal);
    if (signal.aborted) return;
    this.#relocation = relocation;
    await relocation.move();
  }

  /** They are beside the routes to pods, and keep no agent from starting. */
  async #movePrefixRoutes(relocation: Relocation): Promise<void> {
    try {
      await relocation.movePrefixRoutes();
    } catch (error) {
      const remedy = 'see the error; ip route del removes what is left of the former protocol number';
      const { message } = error as Error;
      this.#options.log.warn({ remedy }, `can not take over unreachable routes of prefixes: ${message}`);
    }
  }

  /** After each pass: removes the routes that could not be moved. Does nothing when none is left. */
  async afterPass(): Promise<void> {
    if (this.#relocation === undefined || this.#sweeping) return;
    this.#sweeping = true;
    try {
      if (await this.#relocation.sweep(this.#options.isWithdrawn)) await this.#finish();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const remedy = 'see the error; the agent tries again after each pass, and when it starts';
      // The socket is closed when the agent stops meanwhile.
      if (code !== 'ERR_CLOSED')
        this.#options.log.warn({ remedy }, `can not remove routes of a former identity: ${message}`);
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
    const { learnAlso, isLearning, present, log } = this.#options;
    const deadline = performance.now() + birdWait.longestMs;
    // The agent must be able to stop while BIRD hangs.
    const aborted = new Promise<undefined>(resolve =>
      signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    );
    while (!signal.aborted) {
      const error = (await Promise.race([learnAlso(this.#former), aborted]))?.error;
      if (nothingListens(error)) return;
      const learns = () => Promise.race([isLearning([present, ...this.#former]), aborted]);
      if (error === undefined && (await learns())) return;
      if (performance.now() > deadline) break;
      await setTimeout(birdWait.pauseMs, undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) return;
    const remedy = "see BIRD's error in the lines above";
    log.warn(
      { remedy },
      'BIRD does not accept the configuration that learns routes of both identities: routes may be withdrawn while they move',
    );
  }
}

/** Loads the remembered identities. A file that can not be parsed is reported and renamed, and the agent goes on. */
export async function openIdentityMemory(path: string, log: Log): Promise<IdentityMemory> {
  const memory = new IdentityMemory(path);
  try {
    await memory.load();
  } catch (thrown) {
    const { code, message, remedy } = thrown as FlockError;
    log.warn({ code, remedy }, message);
    const aside = await memory.setAside().catch(() => undefined);
    if (aside !== undefined) log.warn({ path: aside }, `moved the invalid state file to ${aside}`);
  }
  return memory;
}
