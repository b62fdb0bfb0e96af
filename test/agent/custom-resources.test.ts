/** All custom resources together, against an API whose objects the test sets. On the real server: test/e2e. */
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { CustomResources } from '../../lib/agent/custom-resources.ts';
import { PodLog } from '../../lib/base/pod-log.ts';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import type { AllocationView } from '../../lib/desired/views.ts';
import { PodCache } from '../../lib/sources/pods/pod-cache.ts';
import { serveFakeApi } from '../support/fake-api.ts';
import { eventually } from '../support/lab.ts';

const group = '/apis/anycast.flock-anycast.io/v1alpha1';

/** Lists and watches of any collection, by object name; records writes. */
async function fakeApi(t: ExecutionContext) {
  const collections = new Map<string, Map<string, object>>();
  const watchers = new Set<{ path: string; name: string | undefined; response: ServerResponse }>();
  const writes: { path: string; body: { status: Record<string, unknown> } }[] = [];
  let version = 1;
  const kubeconfig = await serveFakeApi(t, async (request, response) => {
    const { pathname: path, searchParams } = new URL(request.url ?? '', 'http://test');
    if (request.method === 'PATCH') {
      writes.push({ path, body: JSON.parse(await text(request)) });
      return response.writeHead(200).end('{}');
    }
    // As a server that knows no initial events.
    if (searchParams.has('sendInitialEvents')) return response.writeHead(422).end('{}');
    const name = /^metadata\.name=(.*)$/.exec(searchParams.get('fieldSelector') ?? '')?.[1];
    if (searchParams.has('watch')) {
      watchers.add({ path, name, response });
      response.writeHead(200).flushHeaders();
      // All objects, not only those changed since the list: a repeated event changes nothing.
      for (const [each, object] of collections.get(path) ?? []) {
        if ((name ?? each) === each) response.write(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
      }
      return;
    }
    const items = [...(collections.get(path) ?? [])]
      .filter(([each]) => name === undefined || each === name)
      .map(([, object]) => object);
    return response.end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items }));
  });
  /** Sets or deletes an object, and notifies the watches. */
  const put = (path: string, name: string, object: object | undefined) => {
    const collection = collections.get(path) ?? new Map<string, object>();
    collections.set(path, collection);
    const full = {
      ...collection.get(name),
      ...object,
      metadata: { name, resourceVersion: String(++version) },
    };
    if (object === undefined) collection.delete(name);
    else collection.set(name, full);
    const event = { type: object === undefined ? 'DELETED' : 'MODIFIED', object: full };
    for (const watcher of watchers) {
      if (watcher.path !== path || (watcher.name ?? name) !== name) continue;
      watcher.response.write(`${JSON.stringify(event)}\n`);
    }
  };
  return { kubeconfig, put, writes };
}

async function follow(t: ExecutionContext) {
  const api = await fakeApi(t);
  api.put('/api/v1/namespaces', 'dns', {});
  api.put('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', 'kubernetes', {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['203.0.113.3'] }],
  });
  const lines: { event: string; code?: string }[] = [];
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const config = parseAgentConfig(
    JSON.stringify({
      node: { name: 'node-a' },
      pods: { source: 'kubernetes', kubeconfig: api.kubeconfig },
      nodeConfig: { source: 'kubernetes' },
    }),
    'agent.yaml',
  );
  const log = pino({ messageKey: 'event' }, sink);
  const cluster = new CustomResources(config, log, new PodLog(log));
  t.teardown(() => cluster.stop());
  const pods = new PodCache();
  pods.replace([
    {
      namespace: 'dns',
      name: 'a',
      uid: 'u',
      ready: true,
      terminating: false,
      containersTerminated: false,
      hostNetwork: false,
      serviceAccount: 'default',
      podIPs: [],
      annotations: {},
    },
  ]);
  const allocation: AllocationView = {
    uid: 'u',
    hostInterface: 'p0',
    anycast: ['203.0.113.53', '203.0.113.3', '203.0.113.2', '127.0.0.1', '198.51.100.1'],
    addresses: [],
    state: 'committed',
  };
  const allocations = {
    synced: true,
    snapshot: () => new Map([['dns/a', allocation]]),
    onChange: () => () => {},
  };
  await cluster.start();
  const permitted = cluster.permit({ allocations, pods });
  const permits = (expected: string[] | undefined) =>
    eventually(
      () => `${expected}; ${JSON.stringify([...permitted.snapshot()])}`,
      () => String(permitted.snapshot().get('dns/a')?.anycast) === String(expected),
    );
  return { api, cluster, permitted, permits, lines };
}

const bgp = {
  localAsn: 64512,
  routerId: '203.0.113.11',
  peers: [{ name: 'tor', address: '203.0.113.2', asn: 64500 }],
};
const pool = { spec: { cidrs: ['203.0.113.0/24'], namespaces: { names: ['dns'] } } };

test('no address is granted before reserved is set; then those of a pool, without those that no pool can grant', async t => {
  const { api, cluster, permitted, permits, lines } = await follow(t);
  await permits([]);
  t.true(permitted.synced);
  api.put(`${group}/anycastpools`, 'dns', pool);
  api.put(`${group}/nodeconfigs`, 'default', { spec: { bgp } });
  await eventually('the node config', () => cluster.nodeConfig.snapshot());
  t.deepEqual(permitted.snapshot().get('dns/a')?.anycast, []);
  api.put(`${group}/nodeconfigs`, 'default', { spec: { bgp, reserved: [] } });
  await permits(['203.0.113.53']);
  t.deepEqual(
    cluster.refusals().map(({ value, reason }) => [value, reason]),
    [
      ['203.0.113.3', 'ApiServerAddress'],
      ['203.0.113.2', 'PeerAddress'],
      ['127.0.0.1', 'SpecialPurpose'],
      ['198.51.100.1', 'OutsidePools'],
    ],
  );
  t.true(
    lines.some(({ code, event }) => code === 'PeerAddress' && event.startsWith('refused: 203.0.113.2 ')),
  );
});

test('an object that becomes invalid, and a deleted default, stay in force as last good; a deleted pool is gone', async t => {
  const { api, cluster, permits, lines } = await follow(t);
  api.put(`${group}/nodeconfigs`, 'default', { spec: { bgp, reserved: [] } });
  api.put(`${group}/anycastpools`, 'dns', pool);
  await permits(['203.0.113.53']);
  const told = (words: string) =>
    eventually(
      () => `${words} in ${JSON.stringify(lines)}`,
      () => lines.some(({ event }) => event.includes(words)),
    );
  api.put(`${group}/anycastpools`, 'dns', { spec: { ...pool.spec, cidrs: ['203.0.113.1/24'] } });
  await told('AnycastPool dns: spec.cidrs.0: 203.0.113.1/24 has bits set beyond its length');
  api.put(`${group}/nodeconfigs`, 'default', { spec: { bgp: { ...bgp, localAsn: 0 } } });
  await told('NodeConfig default: spec: bgp.localAsn');
  t.regex(cluster.nodeConfig.problem?.message ?? '', /localAsn/);
  api.put(`${group}/nodeconfigs`, 'default', undefined);
  await told('the NodeConfig default was deleted; the last good one stays in force');
  t.is(cluster.nodeConfig.snapshot()?.bgp.localAsn, 64512);
  await permits(['203.0.113.53']);
  api.put(`${group}/anycastpools`, 'dns', undefined);
  await permits([]);
});

test("the node's own NodeConfig is merged over the default one, drain times too, and gets the status", async t => {
  const { api, cluster } = await follow(t);
  const policy = cluster.drainPolicy({ terminatingMs: 1, longestMs: 2, notReadyMs: 3 });
  t.is(policy.terminatingMs, 1);
  api.put(`${group}/nodeconfigs`, 'default', { spec: { bgp, reserved: [], drain: { terminatingMs: 10 } } });
  api.put(`${group}/nodeconfigs`, 'node-a', { spec: { drain: { longestMs: 20 } } });
  await eventually('both', () => policy.terminatingMs === 10 && policy.longestMs === 20);
  t.is(policy.notReadyMs, 3);
  cluster.reportStatus(async () => ({
    synced: true,
    birdApplied: true,
    peers: [{ name: 'tor', state: 'Established' }],
    destinations: { advertised: 0, held: 0, failed: 0 },
    errors: [],
  }));
  const path = `${group}/nodeconfigs/node-a/status`;
  const write = await eventually('the status', () => api.writes.find(each => each.path === path));
  t.is(write.body.status.peersEstablished, '1/1');
  t.is((write.body.status.destinations as { refused: number }).refused, 5);
});

test("a node's own NodeConfig that was never valid shows its error in the status", async t => {
  const { api, cluster } = await follow(t);
  api.put(`${group}/nodeconfigs`, 'node-a', { spec: { bgp: { localAsn: 0 } } });
  await eventually('the problem', () => cluster.nodeConfig.problem);
  cluster.reportStatus(async () => ({
    synced: true,
    birdApplied: false,
    peers: [],
    destinations: { advertised: 0, held: 0, failed: 0 },
    errors: [],
  }));
  const write = await eventually('the status', () => api.writes[0]);
  t.regex(String(write.body.status.lastError), /NodeConfig node-a: spec: bgp\.localAsn/);
});
