/** An attacker who may write the pods of one namespace, and nothing else, asks for other owners' addresses. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, startAgent } from '../support/agent.ts';
import { type ApiObject, KubeApi } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually, type Lab, type Namespace } from '../support/lab.ts';
import { asInManifest, baseManifests } from '../support/manifests.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test, { endFirst: async () => lab?.destroy() });
const group = '/apis/anycast.flock-anycast.io/v1alpha1';
const nodeName = 'attacked-node';
const namespace = 'evil';
let server: KubeApiServer;
/** With the attacker's token. */
let attacker: KubeApi;
let lab: Lab;
let node: Namespace;

const custom = (kind: string, name: string, spec: unknown): ApiObject => ({
  apiVersion: 'anycast.flock-anycast.io/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

test.before(async t => {
  server = await start(t);
  for (const manifest of baseManifests()) await server.apply(manifest);
  await eventually('the custom resources to be served', () => server.request('GET', `${group}/anycastpools`));
  for (const name of [namespace, 'dns']) await server.createNamespace(name);
  await server.request('POST', '/api/v1/namespaces/default/endpoints', {
    metadata: { name: 'kubernetes' },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 6443 }] }],
  });
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await server.request('POST', `${rbac}/roles`, {
    metadata: { name: 'pods' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['*'] }],
  });
  await server.request('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'pods' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'pods' },
    subjects: [{ kind: 'ServiceAccount', name: 'attacker', namespace }],
  });
  attacker = new KubeApi(server.url, server.caPath, await server.serviceAccountToken(namespace, 'attacker'));

  const bgp = {
    localAsn: 64512,
    routerId: '192.0.2.11',
    peers: [{ name: 'tor', address: '203.0.113.1', asn: 64500 }],
  };
  await server.apply(custom('NodeConfig', 'default', { bgp, reserved: ['10.96.0.0/12', 'fd96::/108'] }));
  // As careless as a pool can be, for the attacker's namespace among others.
  const everything = { cidrs: ['10.0.0.0/8', '128.0.0.0/1', '2000::/3', 'fc00::/7'] };
  await server.apply(
    custom('AnycastPool', 'careless', { ...everything, namespaces: { names: [namespace] } }),
  );
  await server.apply(
    custom('AnycastPool', 'dns-alone', {
      cidrs: ['198.51.100.53/32', '2001:db8:53::/64'],
      namespaces: { names: ['dns'] },
      exclusive: true,
    }),
  );

  ({ lab, node } = await createNodeLab({ teardown: () => {} }, 1));
  await server.exposeIn(node);
  await server.request('POST', '/api/v1/nodes', { metadata: { name: nodeName } });
  const kubeconfig = join(dir, 'agent-kubeconfig');
  writeFileSync(
    kubeconfig,
    server.kubeconfig(await server.serviceAccountToken('flock-anycast', 'flock-anycast')),
  );
  const files = layOutAgent(join(lab.dir, 'agent'), {
    node: { name: nodeName },
    pods: { source: 'kubernetes', kubeconfig },
    allocations: { source: 'annotations' },
    nodeConfig: { source: 'kubernetes' },
  });
  await startAgent(node, files, asInManifest).logged('in sync');
});

/** A Ready pod of the attacker's; the test is the kubelet. */
async function ask(name: string, addresses: string, spec: object = {}): Promise<void> {
  const annotations = { 'flock-anycast.io/addresses': addresses };
  await attacker.createPod(nodeName, name, { namespace, annotations, spec: { ...spec } });
  const podIPs = ['10.1.1.2', 'fd00:1:1::2'];
  await server.setPodReady(name, true, { namespace, podIPs });
}

async function reasonsOf(name: string): Promise<string[]> {
  const { items } = await server.request('GET', `/api/v1/namespaces/${namespace}/events`);
  return items
    .filter(({ involvedObject }: ApiObject) => involvedObject.name === name)
    .map(({ reason, message }: ApiObject) => `${reason}: ${message}`);
}

const routes = async () =>
  (await Promise.all([routesOf(node, 70), routesOf(node, 71)])).flat().map(({ destination }) => destination);

for (const [what, address, reason] of [
  ['the API server', '192.0.2.1', 'ApiServerAddress'],
  ['a BGP peer', '203.0.113.1', 'PeerAddress'],
  ['a BGP peer, spelled as IPv6', '::ffff:203.0.113.1', 'PeerAddress'],
  ['the node', '10.1.1.1', 'NodeAddress'],
  ['the node, by IPv6', 'FD00:1:1:0::1', 'NodeAddress'],
  ['a service', '10.96.0.10', 'Reserved'],
  ['a service, by IPv6', 'fd96::10', 'Reserved'],
  ['another namespace, exclusively', '198.51.100.53', 'NotInPool'],
  ['another namespace, by IPv6', '2001:db8:53::1', 'NotInPool'],
  ['every host on the link', 'fe80::1', 'SpecialPurpose'],
  ['a multicast group', '224.0.0.5', 'SpecialPurpose'],
  ['loopback', '127.0.0.1', 'SpecialPurpose'],
  ['nobody', '::', 'SpecialPurpose'],
  ['a whole network', '198.18.0.0/15', 'NotAnAddress'],
] as const) {
  test.serial(
    `the address of ${what} (${address}) is refused, and the pod's own address is served`,
    async t => {
      const name = `a${address.replaceAll(/[^0-9a-z]/gi, '-').toLowerCase()}z`;
      await ask(name, `${address}, 198.18.0.1`);
      await eventually('the route to what it may have', async () =>
        (await routes()).includes('198.18.0.1/32'),
      );
      t.deepEqual(await routes(), ['198.18.0.1/32']);
      const [event, ...others] = await eventually('its Event', async () => {
        const found = await reasonsOf(name);
        return found.length > 0 && found;
      });
      t.true(event?.startsWith(`${reason}: `), event);
      t.deepEqual(others, []);
      await attacker.deletePod(name, { namespace });
      await eventually('no route', async () => (await routes()).length === 0);
    },
  );
}

test.serial('a pod in the network of its host gets nothing', async t => {
  await ask('host', '198.18.0.1', { hostNetwork: true });
  await eventually('its Event', async () =>
    (await reasonsOf('host')).some(text => text.startsWith('HostNetwork: ')),
  );
  t.deepEqual(await routes(), []);
  await attacker.deletePod('host', { namespace });
});

test.serial('a service account of the namespace is no boundary, as the page on installing says', async t => {
  const trusted = { cidrs: ['198.51.100.7/32'], serviceAccounts: ['trusted'], exclusive: true };
  await server.apply(custom('AnycastPool', 'trusted', { ...trusted, namespaces: { names: [namespace] } }));
  await ask('plain', '198.51.100.7');
  await eventually('its Event', async () =>
    (await reasonsOf('plain')).some(text => text.startsWith('NotInPool: ')),
  );
  t.deepEqual(await routes(), []);
  await ask('chosen', '198.51.100.7', { serviceAccountName: 'trusted' });
  await eventually('the route', async () => (await routes()).includes('198.51.100.7/32'));
  for (const name of ['plain', 'chosen']) await attacker.deletePod(name, { namespace });
  await eventually('no route', async () => (await routes()).length === 0);
});

test.serial('with the right to write pods alone, the objects that decide can not be changed', async t => {
  const denied = (request: Promise<unknown>) => t.throwsAsync(request, { message: /^403: / });
  const status = { podIPs: [{ ip: '10.1.1.2' }], conditions: [{ type: 'Ready', status: 'True' }] };
  await ask('mine', '198.18.0.1');
  await denied(attacker.patchPodStatus('mine', status, { namespace }));
  await denied(attacker.createPod(nodeName, 'mine', { namespace: 'dns' }));
  const labels = { metadata: { labels: { team: 'dns' } } };
  await denied(attacker.request('PATCH', `/api/v1/namespaces/${namespace}`, labels));
  await denied(attacker.apply(custom('AnycastPool', 'mine', {})));
  await denied(attacker.apply(custom('NodeConfig', 'default', { reserved: [] })));
  await denied(attacker.request('DELETE', `${group}/anycastpools/dns-alone`));
  await attacker.deletePod('mine', { namespace });
  await eventually('no route', async () => (await routes()).length === 0);
});
