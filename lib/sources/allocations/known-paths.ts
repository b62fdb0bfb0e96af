/**
 * The current paths to the addresses that are followed. They are looked up in one call when they are new, after a
 * change that may affect them, and at a long interval.
 *
 * A path that is lost while its interface is up stays in force for a moment: a CNI that restarts writes its routes
 * again, and a flapping announcement costs more than a second of delay.
 */
import { type AddressPath, type PathChange, type PathFinder, samePath } from '../../base/address-path.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFailure } from '../../base/repeated-failure.ts';

export interface KnownPathsOptions {
  finder: PathFinder;
  log: Log;
  /** Between two look-ups of all paths, in milliseconds, if nothing changes. */
  againMs: number;
  /** How long a lost path stays in force, in milliseconds. */
  patienceMs?: number;
  /** Called with the addresses whose paths became known or changed. */
  onChange: (addresses: ReadonlySet<string>) => void;
}

/** The delay of the next attempt after a failed look-up, in milliseconds. */
const retryMs = 1000;

export class KnownPaths {
  readonly #options: Required<KnownPathsOptions>;
  /** Undefined: followed, and not known yet. */
  readonly #paths = new Map<string, AddressPath | undefined>();
  /** Addresses whose paths are lost: the timer until which the old path stays, or that it has expired. */
  readonly #lost = new Map<string, NodeJS.Timeout | 'expired'>();
  /** Addresses to look up. */
  readonly #stale = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #looking = false;
  #stopped = false;
  readonly #failure = new RepeatedFailure();

  constructor({ patienceMs = 1000, ...options }: KnownPathsOptions) {
    this.#options = { ...options, patienceMs };
  }

  async start(): Promise<void> {
    const { finder, againMs } = this.#options;
    await finder.start(change => this.#markChanged(change));
    this.#timers.add(setInterval(() => this.#markStale(this.#paths.keys()), againMs));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const address of this.#lost.keys()) this.#noLongerLost(address);
    this.#options.finder.stop();
  }

  /** The path to an address; undefined while it is not known. */
  get(address: string): AddressPath | undefined {
    return this.#paths.get(address);
  }

  /** Whether all paths that are followed are known. */
  get complete(): boolean {
    for (const path of this.#paths.values()) if (path === undefined) return false;
    return true;
  }

  /** Follows these addresses, too. */
  follow(addresses: Iterable<string>): void {
    const fresh = [...addresses].filter(address => !this.#paths.has(address));
    for (const address of fresh) this.#paths.set(address, undefined);
    this.#markStale(fresh);
  }

  /** No longer follows these addresses. */
  unfollow(addresses: Iterable<string>): void {
    for (const address of addresses) {
      this.#paths.delete(address);
      this.#noLongerLost(address);
      this.#stale.delete(address);
    }
  }

  #markChanged({ addresses, interfaces, everything }: PathChange): void {
    const stale: string[] = [];
    for (const [address, path] of this.#paths) {
      // An address without a path may be reached by any interface and its subnets.
      const concerned = path?.kind === 'neighbour' ? interfaces.has(path.interface) : interfaces.size > 0;
      if (everything || concerned || addresses.has(address)) stale.push(address);
    }
    this.#markStale(stale);
  }

  #markStale(addresses: Iterable<string>): void {
    for (const address of addresses) this.#stale.add(address);
    if (this.#stale.size > 0 && !this.#looking) void this.#look();
  }

  /** One look-up at a time; what becomes stale meanwhile is in the next one. */
  async #look(): Promise<void> {
    this.#looking = true;
    try {
      // After the event, so that all its changes are in the same look-up.
      await Promise.resolve();
      while (this.#stale.size > 0 && !this.#stopped) {
        const addresses = [...this.#stale];
        this.#stale.clear();
        await this.#lookUp(addresses);
      }
    } finally {
      this.#looking = false;
    }
  }

  async #lookUp(addresses: string[]): Promise<void> {
    const { finder, log, onChange } = this.#options;
    let found: AddressPath[];
    try {
      found = await finder.find(addresses);
      this.#failure.end();
    } catch (error) {
      if (this.#stopped) return;
      const { message, code } = error as NodeJS.ErrnoException;
      if (this.#failure.isNew(message)) log.error({ code }, `can not look up the paths to pods: ${message}`);
      this.#markStaleLater(addresses, retryMs);
      return;
    }
    if (this.#stopped) return;
    const changed = new Set<string>();
    for (const [index, address] of addresses.entries()) {
      const path = found[index];
      if (path !== undefined && this.#take(address, path)) changed.add(address);
    }
    if (changed.size > 0) onChange(changed);
  }

  /** @returns whether the known path changed */
  #take(address: string, path: AddressPath): boolean {
    if (!this.#paths.has(address)) return false;
    const known = this.#paths.get(address);
    if (this.#staysInForce(address, known, path)) return false;
    this.#noLongerLost(address);
    this.#paths.set(address, path);
    return !samePath(known, path);
  }

  /** Whether `known` stays in force although `path` was found. */
  #staysInForce(address: string, known: AddressPath | undefined, path: AddressPath): boolean {
    const { finder, patienceMs } = this.#options;
    if (known?.kind !== 'neighbour' || path.kind === 'neighbour' || !finder.isUsable(known.interface))
      return false;
    const lost = this.#lost.get(address);
    if (lost === undefined)
      this.#lost.set(
        address,
        setTimeout(() => this.#expire(address), patienceMs),
      );
    return lost !== 'expired';
  }

  #expire(address: string): void {
    this.#lost.set(address, 'expired');
    this.#markStale([address]);
  }

  #noLongerLost(address: string): void {
    const lost = this.#lost.get(address);
    if (lost !== 'expired') clearTimeout(lost);
    this.#lost.delete(address);
  }

  #markStaleLater(addresses: string[], ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#markStale(addresses.filter(address => this.#paths.has(address)));
    }, ms);
    this.#timers.add(timer);
  }
}
