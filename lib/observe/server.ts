/** `/metrics`, `/healthz` and `/status` over HTTP. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { FlockError } from '../base/errors.ts';
import { createServer } from '../base/node-http.ts';
import { isAllowedHost } from './allowed-host.ts';

export interface ObserveOptions {
  /** `ADDRESS:PORT`, an IPv6 address in brackets. */
  listen: string;
  /** Names by which clients may address the server, besides addresses and `localhost`. Default: none. */
  hosts?: readonly string[];
  registry: Registry;
  /** The content of `/status`, shown as JSON. */
  status: () => unknown;
  /** Whether the agent is in sync; `/healthz` answers 503 while it is not. */
  healthy: () => boolean;
}

/** A request must be complete within this time, and a client take something of the answer, in milliseconds. */
const limitMs = { request: 5000, silence: 10_000 };

/** A scrape uses one connection, and few programs scrape: what is beyond this is closed. */
const mostConnections = 100;

const largestHeader = 8 * 1024;

interface Answer {
  code: number;
  type?: string;
  body: string;
  allow?: string;
}

/**
 * Serves until `close()`.
 * @throws FlockError FLOCK_LISTEN_FAILED when the address can not be bound
 */
export async function serveObservations(options: ObserveOptions): Promise<Server> {
  const hosts = new Set(options.hosts?.map(name => name.toLowerCase()));
  const limits = {
    headersTimeout: limitMs.request,
    requestTimeout: limitMs.request,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: largestHeader,
  };
  const server = createServer(limits, async (request, response) => send(response, await answer(request)));
  server.maxConnections = mostConnections;
  server.timeout = limitMs.silence;

  /** Nothing that is asked for here may end the agent. */
  async function answer(request: IncomingMessage): Promise<Answer> {
    try {
      return await answerTo(request, hosts, options);
    } catch (error) {
      return { code: 500, body: `${(error as Error).message}\n` };
    }
  }

  await listen(server, options.listen);
  // Such as an accept that found no descriptor: the next may succeed.
  server.on('error', () => undefined);
  return server;
}

async function answerTo(
  { method = '', url = '', headers }: IncomingMessage,
  hosts: ReadonlySet<string>,
  { registry, status, healthy }: ObserveOptions,
): Promise<Answer> {
  if (!isAllowedHost(headers.host, hosts)) {
    return { code: 421, body: 'use an address of this node, or add this name to observe.hosts\n' };
  }
  if (method !== 'GET' && method !== 'HEAD')
    return { code: 405, allow: 'GET, HEAD', body: 'only GET and HEAD\n' };
  switch (url.replace(/\?.*$/s, '')) {
    case '/metrics':
      return { code: 200, type: registry.contentType, body: await registry.metrics() };
    case '/status':
      return { code: 200, type: 'application/json', body: `${JSON.stringify(status(), null, 2)}\n` };
    case '/healthz':
      return healthy() ? { code: 200, body: 'ok\n' } : { code: 503, body: 'not yet in sync\n' };
    default:
      return { code: 404, body: 'there are /metrics, /healthz and /status\n' };
  }
}

function send(response: ServerResponse, { code, type = 'text/plain', body, allow }: Answer): void {
  const headers = {
    'content-type': type,
    // Said here, for Node does not say it in an answer to HEAD.
    'content-length': Buffer.byteLength(body),
    ...(allow !== undefined && { allow }),
  };
  response.writeHead(code, headers).end(body);
}

async function listen(server: Server, at: string): Promise<void> {
  const separator = at.lastIndexOf(':');
  const host = at.slice(0, separator).replace(/^\[|\]$/g, '');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: Number(at.slice(separator + 1)) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    const message = `can not serve /metrics, /healthz and /status at ${at}: ${(cause as Error).message}`;
    const remedy =
      'end the program that has this port (ss -ltnp), or set observe.listen to an address of this node and a free port';
    throw new FlockError('FLOCK_LISTEN_FAILED', message, { value: at, remedy, cause });
  }
}
