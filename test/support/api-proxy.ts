/**
 * A proxy between a client and a real API server. It sees each request decrypted, and applies faults on command.
 * The client takes it for the server, because it has the server's certificate.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import { Exchange } from './api-exchange.ts';

/** What the proxy does during a fault. */
export interface Fault {
  /** What becomes of an exchange that is open when it begins. Default: nothing. */
  strike?(exchange: Exchange): void;
  /** What becomes of a request that comes while it lasts. Default: it is passed on. */
  meet?(exchange: Exchange): void;
}

export interface ProxiedServer {
  readonly url: string;
  /** Its certificate and the authority of that, PEM. */
  readonly caPath: string;
  readonly keyPath: string;
}

export class ApiProxy {
  /** All exchanges so far, and those that are open. */
  readonly exchanges: Exchange[] = [];
  readonly #behind: ProxiedServer;
  readonly #ca: Buffer;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #closedBytes = 0;
  #fault: Fault = {};
  #onExchange: (exchange: Exchange) => void = () => {};

  private constructor(behind: ProxiedServer) {
    this.#behind = behind;
    this.#ca = readFileSync(behind.caPath);
    this.#server = createServer({ key: readFileSync(behind.keyPath), cert: this.#ca }, (incoming, response) =>
      this.#take(incoming, response),
    );
    this.#server.on('connection', (socket: Socket) => this.#count(socket));
  }

  /** @param where a loopback port (0 for any free one), or the path of a UNIX socket */
  static async start(behind: ProxiedServer, where: ListenOptions = { port: 0, host: '127.0.0.1' }) {
    const proxy = new ApiProxy(behind);
    proxy.#server.listen(where);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Where it listens on loopback. */
  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes sent to clients, TLS and all. */
  get sentBytes(): number {
    return [...this.#connections].reduce((sum, { bytesWritten }) => sum + bytesWritten, this.#closedBytes);
  }

  /** Calls `listener` with each request before it is forwarded. */
  onExchange(listener: (exchange: Exchange) => void): void {
    this.#onExchange = listener;
  }

  /** Begins a fault. */
  misbehave(fault: Fault): void {
    this.#fault = fault;
    for (const exchange of this.exchanges) if (exchange.isOpen) fault.strike?.(exchange);
  }

  /** Ends the fault: new requests are forwarded again; affected exchanges stay as they are. */
  heal(): void {
    this.#fault = {};
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
  }

  #count(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => {
      this.#connections.delete(socket);
      this.#closedBytes += socket.bytesWritten;
    });
  }

  #take(incoming: IncomingMessage, response: ServerResponse): void {
    const exchange = new Exchange(incoming, response, () =>
      request(new URL(incoming.url ?? '/', this.#behind.url), {
        method: incoming.method,
        headers: incoming.headers,
        ca: this.#ca,
      }),
    );
    this.exchanges.push(exchange);
    this.#onExchange(exchange);
    if (this.#fault.meet) this.#fault.meet(exchange);
    else exchange.pass();
  }
}
