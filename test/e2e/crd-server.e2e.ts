/**
 * Custom resources at the server of today's Kubernetes (scripts/crd-server): the definitions with the rules of
 * deploy/overlays/cel, server-side apply, the agent's own clients, and what they send, taken strictly.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import { KubernetesPoolStatus } from '../../lib/cluster/kubernetes-pool-status.ts';
import { KubernetesStatus } from '../../lib/cluster/kubernetes-status.ts';
import { nodeConfigStatus, nodeConfigStatusPatch } from '../../lib/cluster/node-config-status.ts';
import { poolStatus } from '../../lib/cluster/pool-status.ts';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { KubernetesEndpoints } from '../../lib/sources/kubernetes/kubernetes-endpoints.ts';
import { KubernetesNodeConfig } from '../../lib/sources/kubernetes/kubernetes-node-config.ts';
import { KubernetesPools } from '../../lib/sources/kubernetes/kubernetes-pools.ts';
import { ApiProxy } from '../support/api-proxy.ts';
import { badSpecs, pool, tor } from '../support/cel-specs.ts';
import { CrdServer } from '../support/crd-server.ts';
import type { ApiObject } from '../support/kube-api.ts';
import { type Kubectl, kubectlOf } from '../support/kubectl.ts';
import { eventually } from '../support/lab.ts';
import { readPage } from '../support/page.ts';

const dir = mkdtempSync(join(tmpdir(), 'flock-crd-'));
const group = '/apis/anycast.flock-anycast.io/v1alpha1';
const apiVersion = 'anycast.flock-anycast.io/v1alpha1';
const overlay = fileURLToPath(new URL('../../deploy/overlays/cel', import.meta.url));
const kinds = { 'nodeconfigs.yaml': 'NodeConfig', 'anycastpools.yaml': 'AnycastPool' } as const;
let server: CrdServer;
let kubectl: Kubectl;
let definitions: ApiObject[];

test.before(async t => {
  t.timeout(60 * 60_000, 'the server may have to be built first');
  server = await CrdServer.start(dir);
  kubectl = await kubectlOf('sid', server.kubeconfigPath);
  t.log(`Kubernetes ${server.version}`);
  const { stdout } = await kubectl('kustomize', overlay);
  definitions = parseAllDocuments(stdout)
    .map(each => each.toJS())
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
});

test.after.always(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const custom = (kind: string, name: string, spec: unknown) => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
});
const apply = (...args: Parameters<typeof custom>) => server.apply(custom(...args));

async function define(t: ExecutionContext): Promise<void> {
  for (const definition of definitions) {
    await server.apply(definition);
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
    const conditions = await eventually('it to be established', async () => {
      const { status } = await server.request('GET', path);
      const all = Object.fromEntries(
        (status?.conditions ?? []).map((each: ApiObject) => [each.type, each.status]),
      );
      return all.Established === 'True' && all;
    });
    t.deepEqual(conditions, { NamesAccepted: 'True', Established: 'True' });
  }
  await eventually('both to be served', async () => {
    await server.request('GET', `${group}/anycastpools`);
    return server.request('GET', `${group}/nodeconfigs`);
  });
}

test.serial(
  'it takes the definitions with all rules: none costs too much, and nothing is unstructured',
  async t => {
    t.is(definitions.length, 2);
    await define(t);
  },
);

for (const [file, byMessage] of Object.entries(badSpecs)) {
  const kind = kinds[file as keyof typeof kinds];
  test.serial(`${kind}: each bad spec is refused by the rule that describes it`, async t => {
    for (const [message, specs] of Object.entries(byMessage)) {
      for (const spec of specs) {
        const error = await t.throwsAsync(apply(kind, 'bad', spec), { message: /^422: / });
        t.true(error?.message.includes(message), `${JSON.stringify(spec)}: ${error?.message}`);
      }
    }
  });
}

test.serial('what the agent takes is taken', async t => {
  const prefixes = [
    '192.0.2.0/28',
    '128.0.0.0/1',
    '0:0::192.0.2.0/120',
    '2001:DB8::/32',
    '192.0.2.0/028',
    '::ffff:192.0.2.0/24',
  ];
  const peers = [
    { ...tor, sourceAddress: '192.0.2.2' },
    { name: 'link', address: 'fe80::1', interface: 'eth0', asn: 4200000000, extendedNextHop: true },
    { name: 'mapped', address: '::ffff:192.0.2.9', asn: 64500 },
  ];
  const bgp = { localAsn: 64512, routerId: '192.0.2.11', peers };
  await apply('NodeConfig', 'default', { bgp, reserved: prefixes, advertise: { prefixes } });
  await apply('AnycastPool', 'dns', { ...pool, cidrs: prefixes });
  t.pass();
});

/** As many of everything as the definitions allow. */
test.serial('rules at the longest lists that there can be are within the cost of a request', async t => {
  const cidrs = Array.from(
    { length: 1024 },
    (_, index) => `2001:db8:ffff:ffff:ffff:ffff:${index.toString(16)}:0/112`,
  );
  const peers = Array.from({ length: 64 }, (_, index) => ({
    ...{
      name: `p${index}`,
      address: `2001:db8:ffff:ffff:ffff:ffff:0:${(index + 1).toString(16)}`,
      asn: 64500,
    },
    sourceAddress: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  }));
  await apply('AnycastPool', 'big', { ...pool, cidrs });
  await apply('NodeConfig', 'big', { bgp: { peers }, reserved: cidrs, advertise: { prefixes: cidrs } });
  await server.request('DELETE', `${group}/anycastpools/big`);
  await server.request('DELETE', `${group}/nodeconfigs/big`);
  t.pass();
});

test.serial("kubectl's server-side apply merges peers by their names, and shows the columns", async t => {
  const write = (name: string, object: unknown) => {
    writeFileSync(join(dir, name), JSON.stringify(object));
    return join(dir, name);
  };
  const one = write('one.json', custom('NodeConfig', 'merged', { bgp: { peers: [tor] } }));
  const two = write('two.json', custom('NodeConfig', 'merged', { bgp: { peers: [{ ...tor, name: 'b' }] } }));
  const first = await kubectl('apply', '--server-side', '--field-manager=one', '-f', one);
  const second = await kubectl('apply', '--server-side', '--field-manager=two', '-f', two);
  t.is(first.stderr + second.stderr, '');
  const { spec } = await server.request('GET', `${group}/nodeconfigs/merged`);
  t.deepEqual(
    spec.bgp.peers.map(({ name }: ApiObject) => name),
    ['tor', 'b'],
  );
  const unknown = write(
    'unknown.json',
    custom('NodeConfig', 'merged', { bgp: { peers: [{ ...tor, adress: 'x' }] } }),
  );
  const error = await t.throwsAsync(kubectl('apply', '--server-side', '--field-manager=one', '-f', unknown));
  t.regex(error?.message ?? '', /adress/);
  const columns = await kubectl('get', 'anc,apool');
  t.regex(columns.stdout, /ASN +READY +DEGRADED +PEERS +ADVERTISED +AGE/);
  t.regex(columns.stdout, /CIDRS +ACCEPTED +EXCLUSIVE +AGE/);
  await server.request('DELETE', `${group}/nodeconfigs/merged`);
});

/** The agent's own clients, by a proxy that sees what they ask. */
async function follow(t: ExecutionContext) {
  const proxy = await ApiProxy.start(server);
  const kubeconfig = join(dir, 'kubeconfig-proxy');
  writeFileSync(kubeconfig, server.kubeconfig(server.token, proxy.url));
  const lines: { level: number; event: string }[] = [];
  const sink: DestinationStream = { write: line => void lines.push(JSON.parse(line)) };
  const log = pino({ messageKey: 'event' }, sink);
  const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
  const timing = { firstPauseMs: 100, longestPauseMs: 400 };
  const nodeConfig = new KubernetesNodeConfig({ client, log, timing, nodeName: 'node-a' });
  const poolStatus = new KubernetesPoolStatus({ client, log, spreadMs: 50 });
  const pools = new KubernetesPools({
    ...{ client, log, timing },
    onJudged: (object, problem) => poolStatus.judge(object, problem),
  });
  t.teardown(() => {
    for (const each of [nodeConfig, pools, poolStatus]) each.stop();
    client.close();
    proxy.close();
  });
  const warnings = () => lines.filter(({ level }) => level >= 40).map(({ event }) => event);
  return { proxy, client, log, nodeConfig, pools, lines, warnings };
}

test.serial('the agent follows by one request a collection, which begins with all objects', async t => {
  await apply('NodeConfig', 'node-a', { bgp: { routerId: '192.0.2.77' } });
  const { proxy, nodeConfig, pools, lines, warnings } = await follow(t);
  const began = performance.now();
  nodeConfig.start();
  pools.start();
  await eventually('all', () => nodeConfig.synced && pools.synced);
  t.log(`all after ${(performance.now() - began).toFixed(0)} ms`);
  t.is(nodeConfig.snapshot()?.bgp.routerId, '192.0.2.77');
  t.deepEqual([...pools.snapshot().keys()], ['dns']);
  const asked = proxy.exchanges.map(({ isWatch, query }) => [isWatch, query.get('sendInitialEvents')]);
  t.deepEqual(asked, [
    [true, 'true'],
    [true, 'true'],
    [true, 'true'],
  ]);

  await apply('AnycastPool', 'more', { ...pool, cidrs: ['198.51.100.0/24'] });
  await eventually('the change', () => pools.snapshot().has('more'));
  await eventually('the verdict', async () => {
    const { metadata, status } = await server.request('GET', `${group}/anycastpools/more`);
    return status?.observedGeneration === metadata.generation && status.conditions[0].status === 'True';
  });
  const lists = () => proxy.exchanges.filter(({ path, isWatch }) => !isWatch && !path.endsWith('/status'));
  t.is(lists().length, 0);
  t.deepEqual(warnings(), []);

  await server.stopServer();
  await eventually('the loss', () => warnings().length > 0);
  await server.startServer();
  await server.request('DELETE', `${group}/anycastpools/more`);
  await eventually('the truth', () => !pools.snapshot().has('more'));
  await eventually(
    'each to be connected again',
    () => lines.filter(({ event }) => event.includes('again after')).length >= 3,
  );
  // One that starts may say for a moment that it knows none of these: then it is asked for a list, too.
  const begun = proxy.exchanges.filter(({ query }) => query.has('sendInitialEvents'));
  t.true(begun.length >= 6, `${begun.length}`);
});

/** There are no EndpointSlices here; but a custom resource may be called so, and the rest is the server's. */
test.serial('what is called EndpointSlice is followed by its label, in the same way', async t => {
  const name = 'endpointslices.discovery.k8s.io';
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await server.apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name, annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } },
    spec: {
      ...{ group: 'discovery.k8s.io', scope: 'Namespaced' },
      names: { kind: 'EndpointSlice', plural: 'endpointslices' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
  const slice = (name: string, service: string, address: string) => ({
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
    endpoints: [{ addresses: [address] }],
  });
  const put = (...args: Parameters<typeof slice>) =>
    eventually('the slice', () => server.apply(slice(...args)));
  await put('kubernetes', 'kubernetes', '192.0.2.1');
  await put('dns', 'dns', '192.0.2.2');
  const { proxy, client, log, warnings } = await follow(t);
  const endpoints = new KubernetesEndpoints({ client, log });
  t.teardown(() => endpoints.stop());
  endpoints.start();
  const known = () => [...endpoints.snapshot().values()].flat();
  await eventually('the one', () => String(known()) === '192.0.2.1');
  await put('kubernetes-b', 'kubernetes', '192.0.2.3');
  await eventually('the other', () => String(known()) === '192.0.2.1,192.0.2.3');
  t.is(proxy.exchanges.length, 1);
  t.deepEqual(warnings(), []);
});

const input = {
  ...{ synced: true, birdApplied: true, peers: [{ name: 'tor', state: 'Established' }] },
  ...{ destinations: { advertised: 2, held: 0, failed: 0 }, refused: 1, errors: [] as string[] },
};

test.serial("the status of a node's NodeConfig is written, and after a fault it is well again", async t => {
  const { client, log, warnings } = await follow(t);
  let errors = ['BIRD does not answer'];
  const status = new KubernetesStatus({
    ...{ client, log, nodeName: 'node-a', everyMs: 20, againMs: 200 },
    read: async () => nodeConfigStatus({ ...input, errors }, [], '2026-01-01T00:00:00Z'),
  });
  t.teardown(() => status.stop());
  const shown = (lastError: string | undefined) =>
    eventually(`lastError ${lastError}`, async () => {
      const { status: told } = await server.request('GET', `${group}/nodeconfigs/node-a`);
      return told?.peersEstablished === '1/1' && told.lastError === lastError;
    });
  status.start();
  await shown('BIRD does not answer');
  errors = [];
  await shown(undefined);
  t.deepEqual(warnings(), []);
});

test.serial(
  'every field of a status is one that the definition has: taken with strict validation',
  async t => {
    const now = '2026-01-01T00:00:00Z';
    const strict = (path: string, body: unknown) =>
      server.request('PATCH', `${group}/${path}/status?fieldValidation=Strict`, body, {
        type: 'application/merge-patch+json',
      });
    for (const errors of [[], ['an error']]) {
      await strict('nodeconfigs/node-a', {
        status: nodeConfigStatusPatch(nodeConfigStatus({ ...input, errors }, [], now)),
      });
    }
    for (const problem of [undefined, 'a problem']) {
      await strict('anycastpools/dns', { status: poolStatus(1, problem, now) });
    }
    await t.throwsAsync(strict('nodeconfigs/node-a', { status: { unknown: 1 } }), {
      message: /unknown field/,
    });
  },
);

test.serial(
  "kubectl applies the definitions and the page's resources, and the server warns of nothing",
  async t => {
    const files = [join(dir, 'definitions.yaml'), join(dir, 'resources.yaml')] as const;
    writeFileSync(files[0], definitions.map(each => JSON.stringify(each)).join('\n---\n'));
    const page = readPage('install.md').blocks.find(({ file }) => file === 'resources.yaml');
    writeFileSync(files[1], page?.text ?? '');
    for (const file of files) {
      const { stdout, stderr } = await kubectl('apply', '--server-side', '--force-conflicts', '-f', file);
      t.is(stderr, '');
      t.true(stdout.includes('serverside-applied'), stdout);
    }
  },
);

test.serial(
  'a server that returns with another history, at versions below those seen, is followed',
  async t => {
    const { pools, nodeConfig, lines } = await follow(t);
    nodeConfig.start();
    pools.start();
    await eventually('all', () => nodeConfig.synced && pools.snapshot().has('dns'));
    await server.forget();
    await define(t);
    await apply('AnycastPool', 'new', pool);
    await eventually(
      () => `the truth; ${[...pools.snapshot().keys()]} ${JSON.stringify(lines.slice(-4))}`,
      () => String([...pools.snapshot().keys()]) === 'new',
    );
    await apply('AnycastPool', 'newer', pool);
    await eventually('an event as ever', () => pools.snapshot().has('newer'));
    t.pass();
  },
);
