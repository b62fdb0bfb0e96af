/** `/metrics`, `/healthz` and `/status` over HTTP. */
import type { Server } from 'node:http';
import type { Registry } from 'prom-client';
import { createServer } from '../base/node-http.ts';

export interface ObserveOptions {
  /** `ADDRESS:PORT`, an IPv6 address in brackets. */
  listen: string;
  registry: Registry;
  /** The content of `/status`, shown as JSON. */
  status: () => unknown;
  /** Whether the agent is in sync; `/healthz` answers 503 while it is not. */
  healthy: () => boolean;
}

/** Serves until `close()`. Rejects when the address can not be bound. */
export async function serveObservations({
  listen,
  registry,
  status,
  healthy,
}: ObserveOptions): Promise<Server> {
  const server = createServer(async (request, response) => {
    const answer = (code: number, type: string, body: string) =>
      response.writeHead(code, { 'content-type': type }).end(body);
    if (request.method !== 'GET') return answer(405, 'text/plain', 'only GET\n');
    switch (request.url) {
      case '/metrics':
        return answer(200, registry.contentType, await registry.metrics());
      case '/status':
        return answer(200, 'application/json', `${JSON.stringify(status(), null, 2)}\n`);
      case '/healthz':
        return healthy() ? answer(200, 'text/plain', 'ok\n') : answer(503, 'text/plain', 'not yet in sync\n');
      default:
        return answer(404, 'text/plain', 'there are /metrics, /healthz and /status\n');
    }
  });
  const separator = listen.lastIndexOf(':');
  const host = listen.slice(0, separator).replace(/^\[|\]$/g, '');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: Number(listen.slice(separator + 1)) }, resolve);
  });
  return server;
}
