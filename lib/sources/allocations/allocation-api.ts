/**
 * The local API: a CNI plugin of this host reports what it allocated to a pod. HTTP over a UNIX socket; access is
 * controlled by the permissions of the socket.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { FlockError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { createServer } from '../../base/node-http.ts';
import { type ApiAnswer, answerRequest, collectPath, failure } from './allocation-requests.ts';
import type { AllocationStore } from './allocation-store.ts';
import { type LocalSocket, listenAt } from './local-socket.ts';

/** The most bytes of a body; an allocation with 500 addresses has half as many. */
const longestBody = 64 * 1024;

/** The same for a network configuration with valid attachments; each has a hundred bytes. */
const longestCollection = 1024 * 1024;

/** A request must be complete within this many milliseconds, so that a slow client blocks nothing. */
const requestMs = 5000;

/** How long open requests may take when the API stops, in milliseconds. */
const graceMs = 300;

/** Serves a store over HTTP at a UNIX socket; docs/openapi.yaml has the requests. */
export class AllocationApi {
  readonly #store: AllocationStore;
  readonly #path: string;
  readonly #log: Log;
  readonly #server: Server;
  #socket: LocalSocket | undefined;

  /** @param options.path of the socket */
  constructor({ store, path, log }: { store: AllocationStore; path: string; log: Log }) {
    this.#store = store;
    this.#path = path;
    this.#log = log;
    const timeouts = {
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: 1000,
    };
    this.#server = createServer(timeouts, (request, response) => {
      this.#serve(request, response).catch(error => {
        // The client closed the connection during its request or our answer.
        this.#log.debug({ error }, 'a client of the local API closed its connection during a request');
        response.destroy();
      });
    });
  }

  /** @throws FlockError FLOCK_API_UNAVAILABLE */
  async start(): Promise<void> {
    this.#socket = await listenAt(this.#server, this.#path);
    this.#log.info({ socket: this.#path }, 'serving the local API');
  }

  /** Whether clients find the socket: somebody may have removed its file. */
  async isReachable(): Promise<boolean> {
    return (await this.#socket?.isPresent()) ?? false;
  }

  /** Waits a moment for open requests, then closes their connections. */
  async stop(): Promise<void> {
    await this.#socket?.remove();
    this.#socket = undefined;
    if (!this.#server.listening) return;
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const longest = url === collectPath ? longestCollection : longestBody;
    const body = await readBody(request, longest);
    const answer =
      body === undefined ? tooLarge(longest) : await answerRequest(this.#store, { method, url, body });
    if (answer.status >= 500)
      this.#log.error({ method, url, ...(answer.body as object) }, 'a request to the local API failed');
    send(response, answer);
  }
}

/** Undefined when it is too large; the rest is read and discarded, so that the client reads our answer. */
async function readBody(request: IncomingMessage, longest: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= longest) chunks.push(chunk);
  }
  return length <= longest ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function tooLarge(longest: number): ApiAnswer {
  const message = `the body has more than ${longest} bytes`;
  return failure(413, new FlockError('FLOCK_REQUEST_INVALID', message, { remedy: 'send one allocation' }));
}

function send(response: ServerResponse, { status, body, allow }: ApiAnswer): void {
  const headers = { 'content-type': 'application/json', ...(allow !== undefined && { allow }) };
  if (body === undefined) response.writeHead(status).end();
  else response.writeHead(status, headers).end(`${JSON.stringify(body)}\n`);
}
