/** The pods of a node, followed at a server that answers each request as the test says. The real one: test/e2e. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { KubernetesPods } from '../../lib/sources/kubernetes/kubernetes-pods.ts';
import type { ListWatchTiming } from '../../lib/sources/kubernetes/list-watch-timing.ts';
import { PodCache } from '../../lib/sources/pods/pod-cache.ts';

export interface Line {
  level: number;
  event: string;
  code?: string;
  remedy?: string;
}

/** What is answered to one request. */
export type Answer = (response: ServerResponse, query: URLSearchParams) => void;

/** One server and one source that follows it. Requests are answered as the test says at that moment. */
export async function follow(t: ExecutionContext, timing: Partial<ListWatchTiming> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'flock-kube-'));
  const lists: URLSearchParams[] = [];
  const watches: URLSearchParams[] = [];
  const beginnings: URLSearchParams[] = [];
  const api: { begin: Answer; list: Answer; watch: Answer } = {
    // As a server that knows no initial events.
    begin: refuse(422),
    list: listOf('10', pod('a')),
    watch: response => void response.writeHead(200).flushHeaders(),
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const query = new URL(request.url ?? '', 'http://test').searchParams;
    if (query.has('sendInitialEvents')) {
      beginnings.push(query);
      api.begin(response, query);
    } else if (query.has('watch')) {
      watches.push(query);
      api.watch(response, query);
    } else {
      lists.push(query);
      api.list(response, query);
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText({ server: `http://127.0.0.1:${port}` }));

  const lines: Line[] = [];
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const cache = new PodCache();
  const pods = new KubernetesPods({
    nodeName: 'node-a',
    kubeconfig,
    cache,
    log: pino({ messageKey: 'event' }, sink),
    timing: { firstPauseMs: 20, longestPauseMs: 100, ...timing },
  });
  t.teardown(() => {
    pods.stop();
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    api,
    beginnings,
    lists,
    watches,
    cache,
    pods,
    server,
    warnings: () => lines.filter(({ level }) => level === 40),
    news: () => lines.map(({ event }) => event),
    ready: (name: string) => cache.snapshot().get(`dns/${name}`)?.ready,
  };
}

export const kubeconfigText = (cluster: object, user: object = {}) =>
  JSON.stringify({
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
  });

export function pod(name: string, ready = true, resourceVersion = '10') {
  return {
    metadata: { namespace: 'dns', name, uid: `uid-${name}`, resourceVersion },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

export function listOf(resourceVersion: string, ...items: unknown[]): Answer {
  return response =>
    void response.end(JSON.stringify({ kind: 'PodList', metadata: { resourceVersion }, items }));
}

export const refuse =
  (status: number, message = 'no', headers: Record<string, string> = {}): Answer =>
  response =>
    void response.writeHead(status, headers).end(JSON.stringify({ kind: 'Status', code: status, message }));

export const event = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;
export const bookmark = (resourceVersion: string) => event('BOOKMARK', { metadata: { resourceVersion } });

/** Sends text and leaves the watch open. */
export const send =
  (...parts: string[]): Answer =>
  response => {
    response.writeHead(200);
    for (const part of parts) response.write(part);
    response.flushHeaders();
  };
/** Sends text, and ends the watch when the time it was asked for is over, also by the clock of a client that began late. */
export const sendUntilTimeout =
  (text: string): Answer =>
  (response, query) => {
    response.writeHead(200).write(text);
    setTimeout(() => response.end(), Number(query.get('timeoutSeconds')) * 1000 + 1000);
  };
export const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
