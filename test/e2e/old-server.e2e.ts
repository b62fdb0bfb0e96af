/**
 * What the agent does at a server that lacks what those of today have (Kubernetes 1.20 has no EndpointSlices of v1 and no
 * initial events): it asks once, finds another way, and is silent about it. And what a server warns of is logged once.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { CustomResources } from '../../lib/agent/custom-resources.ts';
import { PodLog } from '../../lib/base/pod-log.ts';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import { PodCache } from '../../lib/sources/pods/pod-cache.ts';
import { ApiProxy } from '../support/api-proxy.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { baseManifests } from '../support/manifests.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test);
const group = '/apis/anycast.flock-anycast.io/v1alpha1';
const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const endpoints = '/api/v1/namespaces/default/endpoints';
/** An API server of the cluster, which no pod may have as its address. */
const apiServer = '192.0.2.62';
let server: KubeApiServer;
let files = 0;

test.before(async t => {
  server = await start(t);
  for (const manifest of baseManifests()) await server.apply(manifest);
  await eventually('the custom resources to be served', () => server.request('GET', `${group}/nodeconfigs`));
  // What servers with a reconciler of endpoints keep there themselves.
  await server.request('POST', endpoints, {
    metadata: { name: 'kubernetes' },
    subsets: [{ addresses: [{ ip: apiServer }], ports: [{ port: 6443 }] }],
  });
  for (const [kind, name, spec] of [
    ['NodeConfig', 'default', { bgp: { localAsn: 64512, routerId: '192.0.2.11' }, reserved: [] }],
    ['AnycastPool', 'dns', { cidrs: ['192.0.2.0/24'], namespaces: { names: ['default'] } }],
  ] as const) {
    await server.apply({ apiVersion: 'anycast.flock-anycast.io/v1alpha1', kind, metadata: { name }, spec });
  }
});

/** The custom resources of the agent's own account, by a proxy that sees what is asked. */
async function follow(t: ExecutionContext) {
  const proxy = await ApiProxy.start(server);
  const token = await server.serviceAccountToken('flock-anycast', 'flock-anycast');
  const kubeconfig = join(dir, `agent-kubeconfig-${++files}`);
  writeFileSync(kubeconfig, server.kubeconfig(token, proxy.url));
  const config = parseAgentConfig(
    JSON.stringify({
      node: { name: 'old-node' },
      pods: { source: 'kubernetes', kubeconfig },
      nodeConfig: { source: 'kubernetes' },
    }),
    'agent.yaml',
  );
  const lines: { level: number; event: string }[] = [];
  const sink: DestinationStream = { write: line => void lines.push(JSON.parse(line)) };
  const log = pino({ messageKey: 'event' }, sink);
  const cluster = new CustomResources(config, log, new PodLog(log));
  t.teardown(async () => {
    await cluster.stop();
    proxy.close();
  });
  const pods = new PodCache();
  const pod = {
    ...{ namespace: 'default', name: 'a', uid: 'u', ready: true, terminating: false },
    ...{ containersTerminated: false, hostNetwork: false, serviceAccount: 'default' },
    ...{ podIPs: [], annotations: {} },
  };
  pods.replace([pod]);
  const allocation = {
    ...{ uid: 'u', hostInterface: 'p0', anycast: ['192.0.2.53', apiServer], addresses: [] },
    state: 'committed' as const,
  };
  const snapshot = () => new Map([['default/a', allocation]]);
  const permitted = cluster.permit({
    allocations: { synced: true, snapshot, onChange: () => () => {} },
    pods,
  });
  await cluster.start();
  await eventually(
    () => `the one address; ${JSON.stringify(lines)}`,
    () => String(permitted.snapshot().get('default/a')?.anycast) === '192.0.2.53',
  );
  return { proxy, lines, warnings: () => lines.filter(({ level }) => level >= 40).map(({ event }) => event) };
}

test.serial('Endpoints and lists are what it finds, by one question each and without a word', async t => {
  const { proxy, lines, warnings } = await follow(t);
  const of = (path: string) => proxy.exchanges.filter(each => each.path === path);
  t.deepEqual(
    of(slices).map(({ isWatch }) => isWatch),
    [true, false],
    'the watch that lists, then the list',
  );
  for (const path of [endpoints, '/api/v1/namespaces', `${group}/anycastpools`]) {
    const asked = of(path).map(({ isWatch, query }) => [isWatch, query.has('sendInitialEvents')]);
    t.deepEqual(asked.slice(0, 2), [
      [true, true],
      [false, false],
    ]);
    await eventually('the watch', () => of(path).length === 3);
  }
  const following = /following the endpoints of the API server/;
  await eventually('the line that says so', () => lines.some(({ event }) => following.test(event)));
  t.deepEqual(
    warnings().filter(event => !event.startsWith('refused: ')),
    [],
  );
});

test.serial('a version that the server calls deprecated is told once, in its words', async t => {
  const name = 'nodeconfigs.anycast.flock-anycast.io';
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  const words = 'old, 299 - "forged"; use v2 \\ instead';
  const [definition] = baseManifests().filter(({ metadata }) => metadata.name === name);
  const [version] = definition.spec.versions;
  await server.apply({
    ...definition,
    spec: { ...definition.spec, versions: [{ ...version, deprecated: true, deprecationWarning: words }] },
  });
  t.teardown(() => server.request('DELETE', path));
  await eventually('the flag to be served', async () => {
    const { spec } = await server.request('GET', path);
    return spec.versions[0].deprecated;
  });
  const { warnings } = await follow(t);
  const told = () => warnings().filter(event => event.includes('warns'));
  await eventually('the warning', () => told().length > 0);
  t.deepEqual(told(), [`kubernetes: the API server warns: ${JSON.stringify(words)}`]);
});
