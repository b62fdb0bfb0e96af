/** Custom resources on a real API server: which are accepted, what the agent does with them, and which pod gets which address. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import { ApiWriter } from '../../lib/cluster/api-writer.ts';
import { KubernetesStatus } from '../../lib/cluster/kubernetes-status.ts';
import { nodeConfigStatus } from '../../lib/cluster/node-config-status.ts';
import { nodeConfigSpecSchema } from '../../lib/config/node-config-resource.ts';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { layOutAgent, startAgent, writeAllocations } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import type { ApiObject } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { asInManifest, baseFolder, baseManifests, componentManifest } from '../support/manifests.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test, { wrong: /lastError is no string$/ });
const group = '/apis/anycast.flock-anycast.io/v1alpha1';
let server: KubeApiServer;
/** The kubeconfig of the agent's own service account, with the rights of deploy/base and no other. */
let agentKubeconfig: string;

const merge = { type: 'application/merge-patch+json' };

test.before(async t => {
  server = await start(t);
  for (const manifest of baseManifests()) await server.apply(manifest);
  await eventually('the custom resources to be served', () => server.request('GET', `${group}/anycastpools`));
  // What servers with a reconciler of endpoints keep there themselves.
  await server.request('POST', '/api/v1/namespaces/default/endpoints', {
    metadata: { name: 'kubernetes' },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 6443 }] }],
  });
  const token = await server.serviceAccountToken('flock-anycast', 'flock-anycast');
  agentKubeconfig = join(dir, 'agent-kubeconfig');
  writeFileSync(agentKubeconfig, server.kubeconfig(token));
});

const custom = (kind: string, name: string, spec: unknown): ApiObject => ({
  apiVersion: 'anycast.flock-anycast.io/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

test.serial('every manifest of the base is listed in its kustomization', t => {
  const [kustomization] = parseAllDocuments(readFileSync(join(baseFolder, 'kustomization.yaml'), 'utf8')).map(
    each => each.toJS(),
  );
  const files = readdirSync(baseFolder, { recursive: true }).filter(
    name => String(name).endsWith('.yaml') && name !== 'kustomization.yaml',
  );
  t.deepEqual([...kustomization.resources].sort(), files.map(String).sort());
});

test.serial("a real server takes the PodMonitor's patches of the agent and its configuration", async t => {
  const { spec, metadata } = componentManifest('pod-monitor', 'agent.yaml');
  const path = `/apis/apps/v1/namespaces/${metadata.namespace}/daemonsets/${metadata.name}`;
  const patched = await server.request('PATCH', path, { spec });
  const [agent, ...others] = patched.spec.template.spec.containers;
  t.deepEqual(others, []);
  t.deepEqual(agent.ports, [{ name: 'metrics', containerPort: 9470, hostPort: 9470, protocol: 'TCP' }]);
  t.true(agent.volumeMounts.length > 0, 'merged, not replaced');
  await t.notThrowsAsync(server.apply(componentManifest('pod-monitor', 'configuration.yaml')));
});

test.serial('the server refuses what the schemas refuse', async t => {
  const refused = (object: ApiObject) =>
    t.throwsAsync(() => server.apply(object), { message: /^(422|500): / });
  const pool = { cidrs: ['192.0.2.0/24'], namespaces: { names: ['dns'] } };
  await refused(custom('AnycastPool', 'bad', { ...pool, cidrs: [] }));
  await refused(custom('AnycastPool', 'bad', { cidrs: ['192.0.2.0/24'] }));
  await refused(custom('AnycastPool', 'bad', { ...pool, namespaces: { names: ['Not A Name'] } }));
  await refused(custom('NodeConfig', 'bad', { bgp: { localAsn: 0 } }));
  await refused(custom('NodeConfig', 'bad', { bgp: { localAsn: 4294967296 } }));
  await refused(custom('NodeConfig', 'bad', { bgp: { peers: [{ name: 'x', asn: 1 }] } }));
  await refused(custom('NodeConfig', 'bad', { node: { draining: 'yes' } }));
  await refused(custom('NodeConfig', 'bad', { bird: { mode: 'none' } }));
  for (const bad of [{ communities: ['no-export'] }, { gracefulRestart: { seconds: 0 } }, { bfd: 'on' }]) {
    const peers = [{ name: 'x', address: '192.0.2.1', asn: 1, ...bad }];
    await refused(custom('NodeConfig', 'bad', { bgp: { peers } }));
  }
});

test.serial('the server keeps every key, and adds no default', async t => {
  const peer = {
    name: 'tor',
    address: '2001:db8::1',
    interface: 'eth0',
    asn: 4294967294,
    port: 1790,
    passwordKey: 'tor',
    sourceAddress: '2001:db8::2',
    bfd: true,
    gracefulRestart: { enabled: true, seconds: 60 },
    communities: ['64512:100', '64512:1:2'],
    passive: true,
    families: ['ipv4', 'ipv6'],
    extendedNextHop: true,
    importLimit: 500,
    importDefaultRoute: false,
  };
  const others = [
    { name: 'far', address: '192.0.2.1', asn: 1, multihop: 2, passwordKey: 'secret' },
    { name: 'plain', address: '192.0.2.2', asn: 1 },
  ];
  const spec = {
    bgp: { localAsn: 64512, routerId: '192.0.2.11', peers: [peer, ...others] },
    node: { draining: true },
    advertise: { prefixes: ['10.244.1.0/24'] },
    bird: { mode: 'filter' },
    reserved: ['10.0.0.0/8'],
    drain: { terminatingMs: 1, longestMs: 2, notReadyMs: 3 },
  };
  t.true(nodeConfigSpecSchema.safeParse(spec).success);
  await server.apply(custom('NodeConfig', 'whole', spec));
  const kept = await server.request('GET', `${group}/nodeconfigs/whole`);
  t.deepEqual(kept.spec, spec);
  const [crd] = baseManifests().filter(({ metadata }) => metadata.name.startsWith('nodeconfigs.'));
  const { properties } = crd.spec.versions[0].schema.openAPIV3Schema.properties.spec;
  t.deepEqual(Object.keys(spec).sort(), Object.keys(properties).sort(), 'and these are all');
  const { items } = properties.bgp.properties.peers;
  const written = new Set([peer, ...others].flatMap(Object.keys));
  // A path of the node is refused by the agent, with the reason; the server keeps it so that it can be.
  const known = Object.keys(items.properties).filter(key => key !== 'passwordFile');
  t.deepEqual([...written].sort(), known.sort());
  await server.request('DELETE', `${group}/nodeconfigs/whole`);
});

test.serial('kubectl get shows the columns, by the short names too', async t => {
  const found = await server.request('GET', group);
  const names = Object.fromEntries(found.resources.map((each: ApiObject) => [each.name, each.shortNames]));
  t.deepEqual(names.nodeconfigs, ['anc']);
  t.deepEqual(names.anycastpools, ['apool']);
  t.true('nodeconfigs/status' in names);
  t.true('anycastpools/status' in names);
});

/** A node with two pods, Ready, each allocated the addresses given, and the agent with its own account's token. */
async function nodeWithPods(
  t: ExecutionContext,
  name: string,
  addresses: [string[], string[]],
  config: object = {},
) {
  const lab = await createNodeLab(t, 2);
  await server.exposeIn(lab.node);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig: agentKubeconfig },
    nodeConfig: { source: 'kubernetes' },
    ...config,
  });
  await server.request('POST', '/api/v1/nodes', { metadata: { name } });
  const pods = await Promise.all([0, 1].map(index => server.createPod(name, `${name}-${index}`)));
  writeAllocations(
    files,
    pods.map(({ metadata }, index) => ({
      namespace: 'default',
      name: metadata.name,
      uid: metadata.uid,
      hostInterface: `p${index}`,
      ipv4: lab.nexthop(index).via,
      anycast: addresses[index] ?? [],
      state: 'committed',
    })),
  );
  for (const { metadata } of pods) await server.setPodReady(metadata.name, true);
  const see = (expected: string[]) => {
    let seen: string[] = [];
    return eventually(
      () => `routes to ${expected}; there are ${seen}`,
      async () => {
        seen = (await routesOf(lab.node, 70)).map(({ destination }) => destination);
        return String(seen) === String(expected);
      },
    );
  };
  return { ...lab, name, files, see, start: () => startAgent(lab.node, files, asInManifest) };
}

const bgp = (address: string) => ({
  localAsn: 64512,
  routerId: '192.0.2.11',
  peers: [{ name: 'tor', address, asn: 64500 }],
});

test.serial(
  'with the rights of the base alone: nothing before reserved is set, then what a pool gives, and nothing else',
  async t => {
    const node = await nodeWithPods(t, 'policy-node', [
      ['192.0.2.53', '10.1.1.1', '192.0.2.99'],
      ['192.0.2.54', '203.0.113.1', '198.51.100.7', '192.0.2.1'],
    ]);
    const pool = {
      cidrs: ['192.0.2.0/24', '10.0.0.0/8', '203.0.113.0/24'],
      namespaces: { names: ['default'] },
    };
    await server.apply(custom('AnycastPool', 'dns', pool));
    const agent = node.start();
    await agent.logged('refused: 192.0.2.53 is refused: no address is granted before reserved');
    await node.see([]);

    await server.apply(
      custom('NodeConfig', 'default', {
        bgp: bgp('203.0.113.1'),
        reserved: ['192.0.2.96/28', '10.2.0.0/16'],
      }),
    );
    await node.see(['192.0.2.53/32', '192.0.2.54/32']);
    for (const [address, why] of Object.entries({
      '10.1.1.1': 'NodeAddress',
      '192.0.2.99': 'Reserved',
      '203.0.113.1': 'PeerAddress',
      '198.51.100.7': 'OutsidePools',
      '192.0.2.1': 'ApiServerAddress',
    })) {
      t.true(
        agent.lines.some(line => line.code === why && line.event?.startsWith(`refused: ${address} `)),
        `${address} ${why}`,
      );
    }
    await eventually('an Event for each reason', async () => {
      const { items } = await server.request('GET', '/api/v1/namespaces/default/events');
      // What was over before its turn came is in none.
      const lasting = items.filter(({ reason }: ApiObject) => reason !== 'ReservedNotSet');
      const told = lasting.map(({ involvedObject, reason }: ApiObject) => `${involvedObject.name} ${reason}`);
      return (
        String([...new Set(told)].sort()) ===
        'policy-node-0 NodeAddress,policy-node-0 Reserved,policy-node-1 ApiServerAddress,policy-node-1 OutsidePools,policy-node-1 PeerAddress'
      );
    });

    await t.notThrowsAsync(node.node.ip('address', 'add', '192.0.2.53/32', 'dev', 'lo'));
    await node.see(['192.0.2.54/32']);
    await server.apply(custom('AnycastPool', 'dns', { ...pool, namespaces: { names: ['others'] } }));
    await node.see([]);
    t.deepEqual(
      agent.lines.filter(({ event }) => /\b403\b/.test(event ?? '')),
      [],
    );
    await server.request('DELETE', `${group}/anycastpools/dns`);
  },
);

test.serial(
  "a selector follows the namespace's labels, and an exclusive pool excludes other pools",
  async t => {
    await server.apply(custom('NodeConfig', 'default', { bgp: bgp('203.0.113.1'), reserved: [] }));
    const node = await nodeWithPods(t, 'selector-node', [['192.0.2.53'], ['192.0.2.54']]);
    const pool = { cidrs: ['192.0.2.0/24'], namespaces: { selector: { matchLabels: { anycast: 'yes' } } } };
    await server.apply(custom('AnycastPool', 'labelled', pool));
    const agent = node.start();
    await node.see([]);
    const label = (value: string | null) =>
      server.request(
        'PATCH',
        '/api/v1/namespaces/default',
        { metadata: { labels: { anycast: value } } },
        merge,
      );
    await label('yes');
    await node.see(['192.0.2.53/32', '192.0.2.54/32']);

    // The server's schema lets host bits through, the agent does not: what was good stays.
    await server.apply(custom('AnycastPool', 'labelled', { ...pool, cidrs: ['192.0.2.1/24'] }));
    await agent.logged('AnycastPool labelled: spec.cidrs.0: 192.0.2.1/24 has bits set beyond its length');
    await node.see(['192.0.2.53/32', '192.0.2.54/32']);
    const verdict = await eventually('the verdict on it', async () => {
      const { metadata, status } = await server.request('GET', `${group}/anycastpools/labelled`);
      return status?.observedGeneration === metadata.generation && { metadata, status };
    });
    t.like(verdict.status.conditions[0], { type: 'Accepted', status: 'False', reason: 'Invalid' });
    t.regex(verdict.status.conditions[0].message, /has bits set beyond its length/);
    await server.apply(
      custom('AnycastPool', 'mine', {
        cidrs: ['192.0.2.53/32'],
        namespaces: { names: ['others'] },
        exclusive: true,
      }),
    );
    await node.see(['192.0.2.54/32']);
    await eventually('the other one to be accepted', async () => {
      const { status } = await server.request('GET', `${group}/anycastpools/mine`);
      return status?.conditions?.[0].status === 'True';
    });
    const { metadata } = await server.request('GET', `${group}/anycastpools/labelled`);
    t.is(metadata.resourceVersion, verdict.metadata.resourceVersion, 'said once');
    await label(null);
    await node.see([]);
    for (const name of ['labelled', 'mine']) await server.request('DELETE', `${group}/anycastpools/${name}`);
    t.pass();
  },
);

test.serial(
  "a node's own NodeConfig is merged over the default one, and shows the node's status",
  async t => {
    const node = await nodeWithPods(t, 'status-node', [['192.0.2.53'], ['192.0.2.54']], {
      sysctl: { set: false },
    });
    await node.node.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv4.fib_multipath_hash_policy': 1 });
    await server.apply(
      custom('AnycastPool', 'dns', { cidrs: ['192.0.2.0/24'], namespaces: { names: ['default'] } }),
    );
    await server.apply(custom('NodeConfig', 'default', { bgp: bgp('10.1.1.2'), reserved: [] }));
    await server.apply(custom('NodeConfig', node.name, { bgp: { routerId: '192.0.2.77' } }));
    const agent = node.start();
    await agent.logged('wrote the configuration for a BIRD that is not running');
    const bird = await startBird(node.node, {
      name: 'bird',
      configPath: node.files.birdConfig,
      socketPath: node.files.birdSocket,
    });
    const status = () =>
      server.request('GET', `${group}/nodeconfigs/${node.name}`).then(({ status }) => status);
    const condition = (told: ApiObject, type: string) =>
      told?.conditions?.find((each: ApiObject) => each.type === type)?.status;
    let seen: ApiObject;
    const ready = await eventually(
      () => `the status to be Ready: ${JSON.stringify([seen, agent.lines.slice(-6)])}`,
      async () => {
        const told = await status();
        seen = told;
        return condition(told, 'Ready') === 'True' && told.destinations.advertised === 2 && told;
      },
    );
    t.is(condition(ready, 'Degraded'), 'True', 'nobody answers at the peer');
    t.regex(ready.lastError, /no session with tor/);
    t.is(ready.peersEstablished, '0/1');
    t.deepEqual(
      ready.peers.map(({ name }: ApiObject) => name),
      ['tor'],
    );
    t.regex(await bird.command('show status'), /Router ID is 192\.0\.2\.77/);

    await node.node.sysctl({ 'net.ipv4.ip_forward': 0 });
    const unforwarded = await eventually('the setting in the status', async () => {
      const told = await status();
      return told.lastError.startsWith('net.ipv4.ip_forward is 0') && told;
    });
    t.is(condition(unforwarded, 'Degraded'), 'True');
    await node.see([]);
    await node.node.sysctl({ 'net.ipv4.ip_forward': 1 });
    await node.see(['192.0.2.53/32', '192.0.2.54/32']);
    await eventually('its end in the status', async () =>
      /^no session with/.test((await status()).lastError),
    );

    await server.apply(
      custom('NodeConfig', node.name, { node: { draining: true }, bgp: { routerId: '192.0.2.77' } }),
    );
    await node.see([]);
    t.is((await routesOf(node.node, 71)).length, 2, 'withdrawn, and forwarded on');

    await server.request('DELETE', `${group}/nodeconfigs/${node.name}`);
    await node.see(['192.0.2.53/32', '192.0.2.54/32']);
    await eventually('the default router id', async () =>
      (await bird.command('show status')).includes('Router ID is 192.0.2.11'),
    );
    await server.request('DELETE', `${group}/nodeconfigs/default`);
    await agent.logged('the NodeConfig default was deleted; the last good one stays in force');
    await node.see(['192.0.2.53/32', '192.0.2.54/32']);
    await server.request('DELETE', `${group}/anycastpools/dns`);
  },
);

test.serial(
  'the status of a NodeConfig is written while all is well, and after a fault it is well again',
  async t => {
    await server.apply(custom('NodeConfig', 'fault-node', {}));
    const lines: ApiObject[] = [];
    const sink: DestinationStream = { write: line => void lines.push(JSON.parse(line)) };
    const log = pino({ messageKey: 'event' }, sink);
    const client = new KubernetesClient(loadKubernetesServer(agentKubeconfig), log);
    let errors: string[] = [];
    const status = new KubernetesStatus({
      client,
      nodeName: 'fault-node',
      log,
      everyMs: 20,
      againMs: 200,
      read: async () =>
        nodeConfigStatus(
          {
            synced: true,
            birdApplied: true,
            peers: [],
            destinations: { advertised: 1, held: 0, failed: 0 },
            refused: 0,
            errors,
          },
          [],
          '2026-01-01T00:00:00Z',
        ),
    });
    t.teardown(() => {
      status.stop();
      client.close();
    });
    const path = `${group}/nodeconfigs/fault-node`;
    const shown = (degraded: string, lastError: string | undefined) =>
      eventually(
        () => `Degraded=${degraded}, lastError ${lastError}: ${JSON.stringify(lines)}`,
        async () => {
          const { status: told } = await server.request('GET', path);
          return told?.conditions?.[1].status === degraded && told.lastError === lastError;
        },
      );
    status.start();
    await shown('False', undefined);
    errors = ['BIRD does not answer'];
    await shown('True', 'BIRD does not answer');
    errors = [];
    await shown('False', undefined);
    // The same object again, before the agent has seen that it was away.
    await server.request('DELETE', path);
    await server.apply(custom('NodeConfig', 'fault-node', {}));
    await shown('False', undefined);
    t.deepEqual(
      lines.filter(({ event }) => !/answers 404/.test(event)),
      [],
    );
    lines.length = 0;
    status.stop();

    const writer = new ApiWriter({ client, log, right: 'patch nodeconfigs/status' });
    const invalid = { status: { lastError: 5 } };
    const error = await t.throwsAsync(writer.patch(`${path}/status`, invalid, AbortSignal.timeout(10_000)));
    writer.reportFailure('the status', error);
    t.like(lines[0], { level: 40, code: 'FLOCK_KUBERNETES_REFUSED' });
    t.regex(lines[0].event, /answers 422/);
    t.regex(lines[0].remedy, /^apply the custom resource definitions of this version/);
    await server.request('DELETE', path);
  },
);
