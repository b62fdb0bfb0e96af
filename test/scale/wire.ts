/** What of the API crosses the wire to a node, as the proxy in front of the server sees it. */
import type { Exchange } from '../support/api-exchange.ts';
import type { ApiProxy } from '../support/api-proxy.ts';

export interface Traffic {
  /** Lists and watches, bytes of their answers, and events of the watches. */
  lists: number;
  listBytes: number;
  watches: number;
  watchBytes: number;
  events: number;
  /** All that was sent, TLS and headers included. */
  sentBytes: number;
}

const newline = 10;

export class Wire {
  /** Pods of other nodes whose names were seen. */
  readonly foreign = new Set<string>();
  /** Of all watches. */
  events = 0;
  readonly #proxy: ApiProxy;
  #since: Traffic;

  /** @param foreignName what begins the names of pods that must not cross */
  constructor(proxy: ApiProxy, foreignName: string) {
    this.#proxy = proxy;
    proxy.onExchange(exchange => inspect(exchange, foreignName, this));
    this.#since = this.#total();
  }

  /** What crossed since the last time this was asked. */
  sinceLast(): Traffic {
    const now = this.#total();
    const before = this.#since;
    this.#since = now;
    const keys = Object.keys(now) as (keyof Traffic)[];
    return Object.fromEntries(keys.map(key => [key, now[key] - before[key]])) as unknown as Traffic;
  }

  #total(): Traffic {
    const { exchanges, sentBytes } = this.#proxy;
    const watches = exchanges.filter(({ isWatch }) => isWatch);
    const lists = exchanges.filter(({ isWatch }) => !isWatch);
    const bytesOf = (some: Exchange[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      lists: lists.length,
      listBytes: bytesOf(lists),
      watches: watches.length,
      watchBytes: bytesOf(watches),
      events: this.events,
      sentBytes,
    };
  }
}

/** Takes note of what an answer brings: names of other nodes' pods, and the events of a watch. */
export function inspect(
  exchange: Pick<Exchange, 'isWatch' | 'onPiece'>,
  foreignName: string,
  seen: { foreign: Set<string>; events: number },
): void {
  const name = new RegExp(`${foreignName}[a-z0-9-]*`, 'g');
  // A name may be cut in two by the pieces.
  let tail = '';
  exchange.onPiece(piece => {
    const text = tail + piece.toString('latin1');
    for (const [found] of text.matchAll(name)) seen.foreign.add(found);
    tail = text.slice(1 - foreignName.length);
    if (exchange.isWatch) for (const byte of piece) if (byte === newline) seen.events++;
  });
}
