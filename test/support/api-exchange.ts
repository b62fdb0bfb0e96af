/** One request and its answer in the proxy, and the faults that the proxy can apply to them. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';

/** Pieces of an answer, and the time between two of them. */
export interface Drip {
  bytes: number;
  everyMs: number;
}

export class Exchange {
  /** Milliseconds of `performance.now()`. */
  readonly at = performance.now();
  readonly path: string;
  readonly query: URLSearchParams;
  /** Bytes of the answer's body so far. */
  bytes = 0;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connect: () => ClientRequest;
  readonly #listeners = new Set<(piece: Buffer) => void>();
  #upstream: ClientRequest | undefined;
  #drip: Drip | undefined;
  #stalled = false;

  constructor(incoming: IncomingMessage, response: ServerResponse, connect: () => ClientRequest) {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'https://proxy');
    this.path = pathname;
    this.query = searchParams;
    this.#incoming = incoming;
    this.#response = response;
    this.#connect = connect;
    response.on('error', () => {});
    response.on('close', () => this.#upstream?.destroy());
  }

  get isWatch(): boolean {
    return this.query.has('watch');
  }

  get isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  /** Calls `listener` with each chunk of the answer. */
  onPiece(listener: (piece: Buffer) => void): void {
    this.#listeners.add(listener);
  }

  /** Forwards the request, and the answer chunk by chunk. */
  pass({ drip, most = Infinity }: { drip?: Drip; most?: number } = {}): void {
    this.#drip = drip;
    this.#upstream = this.#connect();
    this.#upstream.on('error', () => this.cut());
    this.#upstream.on('response', answer => void this.#answer(answer, most).catch(() => this.cut()));
    this.#incoming.pipe(this.#upstream);
  }

  /** From now on the answer is sent slowly, in small chunks. */
  slow(drip: Drip): void {
    this.#drip = drip;
  }

  /** From now on nothing is forwarded, and the connection stays open. */
  stall(): void {
    this.#stalled = true;
  }

  /** Breaks the connection. */
  cut(): void {
    this.#response.destroy();
  }

  /** Answers, or goes on answering, with `text` in the server's place, and ends in order. */
  end(text = ''): void {
    this.#stalled = true;
    this.#response.end(text);
  }

  /** Refuses as the API does: by a status, or in a running watch by an event. */
  refuse(code: number, headers: Record<string, string> = {}): void {
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message: 'says the proxy' };
    if (this.#response.headersSent) {
      this.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    } else {
      this.#response.writeHead(code, { 'content-type': 'application/json', ...headers });
      this.end(JSON.stringify(status));
    }
  }

  async #answer(answer: IncomingMessage, most: number): Promise<void> {
    // The length may differ from the server's answer.
    const { 'content-length': _, ...headers } = answer.headers;
    this.#response.writeHead(answer.statusCode ?? 0, headers);
    this.#response.flushHeaders();
    for await (const piece of answer as AsyncIterable<Buffer>) {
      if (!(await this.#send(piece.subarray(0, most - this.bytes)))) return;
      if (this.bytes >= most) break;
    }
    if (!this.#stalled) this.end();
  }

  /** @returns whether the answer goes on */
  async #send(piece: Buffer): Promise<boolean> {
    let rest = piece;
    while (rest.length > 0) {
      if (this.#stalled || !this.isOpen) return false;
      const drip = this.#drip;
      const part = rest.subarray(0, drip?.bytes ?? rest.length);
      rest = rest.subarray(part.length);
      this.bytes += part.length;
      for (const listener of this.#listeners) listener(part);
      const isTaken = this.#response.write(part);
      if (drip) await new Promise(resolve => setTimeout(resolve, drip.everyMs));
      else if (!isTaken) await this.#drained();
    }
    return true;
  }

  /** Waits until the client can take more data, or has closed the connection. */
  #drained(): Promise<void> {
    return new Promise(resolve => {
      const go = () => {
        this.#response.off('drain', go).off('close', go);
        resolve();
      };
      this.#response.on('drain', go).on('close', go);
    });
  }
}
