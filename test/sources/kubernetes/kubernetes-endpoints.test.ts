/** Where the addresses of the API servers are read, at a server that answers as the test says. A real one: test/e2e. */
import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { KubernetesClient } from '../../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../../lib/sources/kubernetes/kubernetes-config.ts';
import { KubernetesEndpoints } from '../../../lib/sources/kubernetes/kubernetes-endpoints.ts';
import { serveFakeApi } from '../../support/fake-api.ts';
import { eventually } from '../../support/lab.ts';

const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const endpoints = '/api/v1/namespaces/default/endpoints';
const metadata = (name: string) => ({ name, resourceVersion: '5' });
const objects: Record<string, object[]> = {
  [slices]: [
    {
      metadata: metadata('kubernetes'),
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }, { addresses: ['192.0.2.2'], conditions: { ready: false } }],
    },
    { metadata: metadata('v6'), addressType: 'IPv6', endpoints: [{ addresses: ['2001:DB8::0:1'] }] },
    { metadata: metadata('named'), addressType: 'FQDN', endpoints: [{ addresses: ['api.example'] }] },
    { metadata: metadata('none'), addressType: 'IPv4', endpoints: null },
  ],
  [endpoints]: [{ metadata: metadata('kubernetes'), subsets: [{ addresses: [{ ip: '192.0.2.9' }] }] }],
};

/** @param refused the status of an answer, by collection */
async function follow(t: ExecutionContext, refused: Record<string, number>) {
  const asked: string[] = [];
  const answer = (response: ServerResponse, path: string, query: URLSearchParams) => {
    const items = objects[path] ?? [];
    if (!query.has('watch')) {
      return void response.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items }));
    }
    response.writeHead(200).flushHeaders();
    if (!query.has('sendInitialEvents')) return;
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    const end = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '5', annotations } } };
    const events = [...items.map(object => ({ type: 'ADDED', object })), end];
    response.write(events.map(event => `${JSON.stringify(event)}\n`).join(''));
  };
  const kubeconfig = await serveFakeApi(t, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://test');
    asked.push(pathname);
    const status = refused[pathname];
    if (status === undefined) answer(response, pathname, searchParams);
    else response.writeHead(status).end(JSON.stringify({ message: `no ${pathname}` }));
  });
  const lines: string[] = [];
  const log = pino(
    { messageKey: 'event', level: 'warn' },
    { write: (line: string) => void lines.push(line) },
  );
  const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
  const source = new KubernetesEndpoints({ client, log, timing: { firstPauseMs: 10, longestPauseMs: 40 } });
  t.teardown(() => {
    source.stop();
    client.close();
  });
  source.start();
  const knows = (expected: string[]) =>
    eventually(`${expected}`, () => String([...source.snapshot().values()].flat()) === String(expected));
  return { asked, lines, knows, refused };
}

const inSlices = ['192.0.2.1', '192.0.2.2', '2001:db8::1'];

test('from EndpointSlices of either family, also of a server that is not ready, and nothing else is asked', async t => {
  const { asked, lines, knows } = await follow(t, {});
  await knows(inSlices);
  t.deepEqual([...new Set(asked)], [slices]);
  t.deepEqual(lines, []);
});

test('a server without them has Endpoints, and no word is lost about it', async t => {
  const { lines, knows } = await follow(t, { [slices]: 404 });
  await knows(['192.0.2.9']);
  t.deepEqual(lines, []);
});

test('rights of an older version of the manifests reach Endpoints, and the missing right is told', async t => {
  const { lines, knows } = await follow(t, { [slices]: 403 });
  await knows(['192.0.2.9']);
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /answers 403: no .*endpointslices/);
  t.regex(lines[0] ?? '', /allow this user to list and watch/);
});

test('without any right both are asked in turn, until one is there', async t => {
  const { asked, knows, refused } = await follow(t, { [slices]: 403, [endpoints]: 403 });
  await eventually('several tries', () => asked.length > 8);
  delete refused[slices];
  await knows(inSlices);
  t.true(asked.includes(endpoints));
});
