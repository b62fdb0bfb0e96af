/**
 * The ways to the addresses that somebody cares for, kept current: looked up in one call when they are new, when
 * something that could change them happened, and now and then. While nothing happens nothing is looked up.
 *
 * A way that is lost while its interface stays is believed lost only a moment later: a CNI that starts again
 * writes its routes anew, and an announcement that flaps costs more than a second's patience.
 */
import { type AddressPath, type PathChange, type PathFinder, samePath } from '../../base/address-path.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFailure } from '../../base/repeated-failure.ts';

export interface KnownPathsOptions {
  finder: PathFinder;
  log: Log;
  /** Between two look-ups of everything without a cause, in milliseconds. */
  againMs: number;
  /** For how long a lost way is still believed in, in milliseconds. */
  patienceMs?: number;
  /** Called with the addresses whose ways are known now, or are others. */
  onChange: (addresses: ReadonlySet<string>) => void;
}

/** Until a look-up that failed is tried again, in milliseconds. */
const retryMs = 1000;

export class KnownPaths {
  readonly #options: Required<KnownPathsOptions>;
  /** Undefined: wanted, and not known yet. */
  readonly #paths = new Map<string, AddressPath | undefined>();
  /** Addresses whose ways are lost: what ends our belief in them, or that it has ended. */
  readonly #lost = new Map<string, NodeJS.Timeout | 'disbelieved'>();
  readonly #doubtful = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #looking = false;
  #stopped = false;
  readonly #failure = new RepeatedFailure();

  constructor({ patienceMs = 1000, ...options }: KnownPathsOptions) {
    this.#options = { ...options, patienceMs };
  }

  async start(): Promise<void> {
    const { finder, againMs } = this.#options;
    await finder.start(change => this.#doubtChanged(change));
    this.#timers.add(setInterval(() => this.#doubt(this.#paths.keys()), againMs));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const address of this.#lost.keys()) this.#noLongerLost(address);
    this.#options.finder.stop();
  }

  /** The way to an address; undefined while it is not known. */
  get(address: string): AddressPath | undefined {
    return this.#paths.get(address);
  }

  /** Every way that is wanted is known. */
  get complete(): boolean {
    for (const path of this.#paths.values()) if (path === undefined) return false;
    return true;
  }

  /** From now on these are cared for, too. */
  want(addresses: Iterable<string>): void {
    const fresh = [...addresses].filter(address => !this.#paths.has(address));
    for (const address of fresh) this.#paths.set(address, undefined);
    this.#doubt(fresh);
  }

  /** Nobody cares for these any more. */
  forget(addresses: Iterable<string>): void {
    for (const address of addresses) {
      this.#paths.delete(address);
      this.#noLongerLost(address);
      this.#doubtful.delete(address);
    }
  }

  #doubtChanged({ addresses, interfaces, everything }: PathChange): void {
    const doubtful: string[] = [];
    for (const [address, path] of this.#paths) {
      // Any interface, with its subnets, may be the way to what had none.
      const concerned = path?.kind === 'neighbour' ? interfaces.has(path.interface) : interfaces.size > 0;
      if (everything || concerned || addresses.has(address)) doubtful.push(address);
    }
    this.#doubt(doubtful);
  }

  #doubt(addresses: Iterable<string>): void {
    for (const address of addresses) this.#doubtful.add(address);
    if (this.#doubtful.size > 0 && !this.#looking) void this.#look();
  }

  /** One look-up at a time; what becomes doubtful meanwhile is in the next. */
  async #look(): Promise<void> {
    this.#looking = true;
    try {
      // Not within the event: everything else that it brings is then in the same look-up.
      await Promise.resolve();
      while (this.#doubtful.size > 0 && !this.#stopped) {
        const addresses = [...this.#doubtful];
        this.#doubtful.clear();
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
      if (this.#failure.isNew(message)) log.error({ code }, `can not look up the ways to pods: ${message}`);
      this.#doubtLater(addresses, retryMs);
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

  /** @returns whether what we know of the address is another than before */
  #take(address: string, path: AddressPath): boolean {
    if (!this.#paths.has(address)) return false;
    const known = this.#paths.get(address);
    if (this.#isBelieved(address, known, path)) return false;
    this.#noLongerLost(address);
    this.#paths.set(address, path);
    return !samePath(known, path);
  }

  /** Whether `known` stands although `path` was found. */
  #isBelieved(address: string, known: AddressPath | undefined, path: AddressPath): boolean {
    const { finder, patienceMs } = this.#options;
    if (known?.kind !== 'neighbour' || path.kind === 'neighbour' || !finder.isUsable(known.interface))
      return false;
    const lost = this.#lost.get(address);
    if (lost === undefined)
      this.#lost.set(
        address,
        setTimeout(() => this.#disbelieve(address), patienceMs),
      );
    return lost !== 'disbelieved';
  }

  #disbelieve(address: string): void {
    this.#lost.set(address, 'disbelieved');
    this.#doubt([address]);
  }

  #noLongerLost(address: string): void {
    const lost = this.#lost.get(address);
    if (lost !== 'disbelieved') clearTimeout(lost);
    this.#lost.delete(address);
  }

  #doubtLater(addresses: string[], ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#doubt(addresses.filter(address => this.#paths.has(address)));
    }, ms);
    this.#timers.add(timer);
  }
}
