/**
 * Addresses that can never be anycast on this node, as kernel and DNS know them: the node's own, the gateways of its
 * routes and those of the API server's name. They are read at an interval: a route of any program may change them.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { parseAddress } from '../base/address.ts';
import { Listeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFailure } from '../base/repeated-failure.ts';
import { routeGateways } from '../kernel/lookups/gateways.ts';
import { localAddresses } from '../kernel/lookups/local-addresses.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';

/** Between two readings, in milliseconds. */
const everyMs = 5000;
/** Among very many routes a reading may take long: it takes at most one part in so many of the time. */
const longestShare = 50;

export interface NodeAddresses {
  readonly node: ReadonlySet<string>;
  readonly gateways: ReadonlySet<string>;
  readonly apiServer: ReadonlySet<string>;
}

export interface NeverAnycastOptions {
  /** The host of the API server's URL as it is now; undefined where there is none. */
  serverHost: () => string | undefined;
  log: Log;
}

export class NeverAnycast {
  readonly #options: NeverAnycastOptions;
  /** Of its own: a long reading keeps no route waiting. */
  readonly #socket = new RouteSocket();
  readonly #listeners = new Listeners();
  readonly #failure = new RepeatedFailure();
  #addresses: NodeAddresses | undefined;
  #server: ReadonlySet<string> = new Set();
  #lookingUp = false;
  #seen = '';
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: NeverAnycastOptions) {
    this.#options = options;
  }

  /** The last ones; undefined until they were read. */
  snapshot(): NodeAddresses | undefined {
    return this.#addresses;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Resolves when they were read, or could not be. */
  async start(): Promise<void> {
    const began = performance.now();
    await this.#read();
    if (this.#stopped) return;
    const pauseMs = Math.max(everyMs, (performance.now() - began) * longestShare);
    this.#timer = setTimeout(() => void this.start(), pauseMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#socket.close();
  }

  async #read(): Promise<void> {
    this.#lookUpServer();
    try {
      const node = await localAddresses(this.#socket);
      const gateways = await routeGateways(this.#socket);
      this.#failure.end();
      this.#take({ node, gateways, apiServer: this.#server });
    } catch (error) {
      const { message } = error as Error;
      if (this.#stopped || !this.#failure.isNew(message)) return;
      this.#options.log.warn({ error }, `can not read this node's addresses; those known before stand`);
    }
  }

  /** Nothing waits for DNS, which may be reached only by the routes that come by BIRD's sessions. */
  #lookUpServer(): void {
    const serverHost = this.#options.serverHost();
    if (serverHost === undefined || this.#lookingUp) return;
    const bare = serverHost.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0) {
      this.#server = new Set([parseAddress(bare).text]);
      return;
    }
    this.#lookingUp = true;
    lookup(bare, { all: true })
      .then(
        found => {
          this.#server = new Set(found.map(({ address }) => parseAddress(address).text));
          if (this.#addresses !== undefined) this.#take({ ...this.#addresses, apiServer: this.#server });
        },
        // A name that does not resolve: the addresses known before stand.
        () => undefined,
      )
      .finally(() => {
        this.#lookingUp = false;
      });
  }

  #take(addresses: NodeAddresses): void {
    const seen = Object.values(addresses)
      .map(set => [...set].sort().join())
      .join(';');
    if (this.#stopped || seen === this.#seen) return;
    this.#seen = seen;
    this.#addresses = addresses;
    this.#listeners.notify();
  }
}
