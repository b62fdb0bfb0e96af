/**
 * Keeps an unreachable route (`socket/prefix-route.ts`) for each prefix that the node announces: made when BIRD announces
 * it, removed with it, put back when others delete it. They are beside the routes to pods, and fail on their own.
 */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import { mainTable } from '../base/routing-table.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import { describeErrno, errnoName } from './socket/errno.ts';
import { addPrefixRoute, isPrefixRoute } from './socket/prefix-route.ts';
import { Operation } from './socket/record-layout.ts';
import { RouteBatch } from './socket/route-batch.ts';
import type { KernelChanges, Monitor, RouteSocket } from './socket/route-socket.ts';
import { outcomeUnknown } from './socket/route-socket.ts';
import { destinationOfView, viewRoutes } from './socket/route-view.ts';

export interface PrefixRoutesOptions {
  socket: Pick<RouteSocket, 'apply' | 'dump' | 'monitor'>;
  /** Our route protocol number for what is not announced by its tag. */
  protocol: number;
  /** Between two looks without a cause, in milliseconds; also until what failed is tried again. */
  auditMs: number;
  clock: Clock;
  log: Log;
}

/** How often deleted ones are put back at once. */
const restorations = { burst: 5, everyMs: 1000 };
/** While others go on deleting them, that is reported again after so many milliseconds. */
const againMs = 600_000;

export class PrefixRoutes {
  readonly #options: PrefixRoutesOptions;
  /** What to keep; undefined before it is known: then nothing is changed. `adds`: and to make where it is missing. */
  #wanted: { prefixes: ReadonlySet<Destination>; adds: boolean } | undefined;
  /** What the kernel has of ours, as far as we know; undefined: to be read. */
  #there: Set<Destination> | undefined;
  /** Others deleted one: before what is being read or written now, or after it. The next pass reads. */
  #inDoubt = false;
  #monitor: Monitor | undefined;
  #pass: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #cancelAudit = () => {};
  #cancelRestoration = () => {};
  readonly #restorations = new TokenBucket(restorations);
  readonly #refusal = new RepeatedFailure();
  readonly #contest = new RepeatedFailure(againMs);

  constructor(options: PrefixRoutesOptions) {
    this.#options = options;
  }

  /** BIRD announces these. */
  follow(prefixes: readonly Destination[]): void {
    this.#want(prefixes, true);
  }

  /** BIRD announces nothing now, and is to announce these: no other route stays, and none is made. */
  narrow(prefixes: readonly Destination[]): void {
    this.#want(prefixes, false);
  }

  /** What is there stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelAudit();
    this.#cancelRestoration();
    this.#monitor?.stop();
    await this.#pass;
  }

  #want(prefixes: readonly Destination[], adds: boolean): void {
    const now = this.#wanted;
    const isSame = now?.prefixes.size === prefixes.length && prefixes.every(each => now.prefixes.has(each));
    if (isSame && now?.adds === adds) return;
    this.#wanted = { prefixes: new Set(prefixes), adds };
    this.#begin();
  }

  #begin(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#pass ??= this.#passes();
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#bring();
        this.#refusal.end();
      } catch (error) {
        this.#there = undefined;
        this.#report(error as Error);
      }
    }
    this.#pass = undefined;
    this.#auditLater();
  }

  async #bring(): Promise<void> {
    if (this.#wanted === undefined) return;
    const { prefixes, adds } = this.#wanted;
    if (prefixes.size > 0) this.#listen();
    if (this.#inDoubt) this.#there = undefined;
    this.#inDoubt = false;
    this.#there ??= await this.#read();
    const there = this.#there;
    const missing = adds ? [...prefixes].filter(prefix => !there.has(prefix)) : [];
    const unwanted = [...there].filter(prefix => !prefixes.has(prefix));
    if (missing.length + unwanted.length === 0) return;
    const batch = new RouteBatch();
    const { socket, protocol, log } = this.#options;
    for (const prefix of missing) addPrefixRoute(batch, Operation.create, prefix, protocol);
    for (const prefix of unwanted) addPrefixRoute(batch, Operation.delete, prefix, protocol);
    const outcomes = await socket.apply(batch.bytes());
    const refusals: string[] = [];
    for (const [at, prefix] of [...missing, ...unwanted].entries()) {
      const errno = outcomes[at] ?? outcomeUnknown;
      const isMissing = at < missing.length;
      // Where another owner has such a route, it does the same.
      const isDone = errno === 0 || errnoName(errno) === (isMissing ? 'EEXIST' : 'ESRCH');
      if (!isDone) refusals.push(`${prefix}: ${describeErrno(errno, outcomes.messages.get(at))}`);
      else if (isMissing) there.add(prefix);
      else there.delete(prefix);
      if (errno === 0)
        log.info({ prefix }, `${isMissing ? 'added' : 'removed'} the unreachable route ${prefix}`);
    }
    if (refusals.length > 0) throw new Error(refusals.join('; '));
  }

  async #read(): Promise<Set<Destination>> {
    const { socket, protocol } = this.#options;
    const found = await readPrefixRoutes(socket, protocol);
    return new Set(found);
  }

  #listen(): void {
    const { socket, protocol } = this.#options;
    this.#monitor ??= socket.monitor({ table: mainTable, protocols: [protocol] }, changes =>
      this.#take(changes),
    );
  }

  #take({ routes, overrun }: KernelChanges): void {
    if (overrun) this.#audit();
    const isLost = [...viewRoutes(routes)].some(
      view => view.operation === Operation.delete && isPrefixRoute(view.bytes),
    );
    if (!isLost) return;
    this.#inDoubt = true;
    this.#restore();
  }

  #restore(): void {
    const { clock, log } = this.#options;
    const wait = this.#restorations.waitMs(clock.now());
    this.#cancelRestoration();
    if (wait === 0) {
      this.#restorations.spend();
      this.#begin();
      return;
    }
    this.#cancelRestoration = clock.after(wait, () => this.#restore());
    const remedy = 'find the program that deletes them (ip monitor route)';
    if (this.#contest.isNew('contest'))
      log.warn(
        { code: 'PREFIX_ROUTES_CONTESTED', remedy },
        'another program keeps deleting the unreachable routes of our prefixes, so restoring them waits',
      );
  }

  #auditLater(): void {
    this.#cancelAudit();
    if (this.#stopped || this.#wanted === undefined) return;
    const hasWork = this.#wanted.prefixes.size > 0 || this.#there === undefined || this.#there.size > 0;
    if (hasWork) this.#cancelAudit = this.#options.clock.after(this.#options.auditMs, () => this.#audit());
  }

  /** Asks for each again: the kernel answers EEXIST where it is there, and need not be read. */
  #audit(): void {
    for (const prefix of this.#wanted?.adds ? this.#wanted.prefixes : []) this.#there?.delete(prefix);
    this.#begin();
  }

  #report({ message }: Error): void {
    if (!this.#refusal.isNew(message)) return;
    const remedy =
      'see the reason; until it is there, packets to addresses of the prefix that no pod has go back to the router';
    this.#options.log.warn(
      { code: 'PREFIX_ROUTE_FAILED', remedy },
      `can not bring the unreachable routes of our prefixes: ${message}; trying again`,
    );
  }
}

/** The prefixes that have such a route under this protocol number. */
export async function readPrefixRoutes(
  socket: Pick<RouteSocket, 'dump'>,
  protocol: number,
): Promise<Destination[]> {
  const filter = { table: mainTable, protocols: [protocol] };
  const dumps = await Promise.all(([4, 6] as const).map(family => socket.dump({ ...filter, family })));
  return dumps.flatMap(dump =>
    [...viewRoutes(dump)].filter(({ bytes }) => isPrefixRoute(bytes)).map(destinationOfView),
  );
}
