/** The whole agent on a node of a real API server. The test is the kubelet, the CNI and the operator. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type AgentFiles, layOutAgent, startAgent, writeAllocations } from '../support/agent.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { serverOfFile } from './file-server.ts';

const { start } = serverOfFile(test);
const advertise = 70;
const hold = 71;
let server: KubeApiServer;

test.before(async t => {
  server = await start(t);
});

interface Node extends NodeLab {
  name: string;
  files: AgentFiles;
  /** Routes under a protocol, as `destination nexthops`. */
  routes(protocol: number): Promise<string[]>;
  see(protocol: number, routes: string[]): Promise<unknown>;
}

let nodes = 0;

/** A node with two pods: created at the API server, allocated, not Ready. */
async function nodeWithPods(t: ExecutionContext): Promise<Node> {
  const name = `agent-node-${++nodes}`;
  const lab = await createNodeLab(t, 2);
  await server.exposeIn(lab.node);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
    drain: { terminatingMs: 1000 },
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
      ipv6: lab.nexthop(index, 6).via,
      anycast: ['192.0.2.53', '2001:db8::53'],
      state: 'committed',
    })),
  );
  const routes = async (protocol: number) =>
    (await routesOf(lab.node, protocol)).map(({ destination, nexthops }) => `${destination} ${nexthops}`);
  const see = (protocol: number, expected: string[]) => {
    let seen: string[] = [];
    return eventually(
      () => `${expected} under protocol ${protocol}; there is ${seen}`,
      async () => {
        seen = await routes(protocol);
        return String(seen) === String(expected);
      },
    );
  };
  return { ...lab, name, files, routes, see };
}

const first = ['192.0.2.53/32 10.1.1.2%p0', '2001:db8::53/128 fd00:1:1::2%p0'];
const second = ['192.0.2.53/32 10.1.2.2%p1', '2001:db8::53/128 fd00:1:2::2%p1'];
const both = ['192.0.2.53/32 10.1.1.2%p0,10.1.2.2%p1', '2001:db8::53/128 fd00:1:1::2%p0,fd00:1:2::2%p1'];

test.serial(
  'a pod patched Ready, not Ready, terminating and deleted is routed, drained and removed',
  async t => {
    const node = await nodeWithPods(t);
    const agent = startAgent(node.node, node.files);
    await agent.logged('in sync');
    t.deepEqual(await node.routes(advertise), []);

    await server.setPodReady(`${node.name}-0`, true);
    await node.see(advertise, first);
    await server.setPodReady(`${node.name}-1`, true);
    await node.see(advertise, both);
    await server.setPodReady(`${node.name}-0`, false);
    await node.see(advertise, second);

    // There is no kubelet: deletion with grace leaves Ready standing, and the last pod drains.
    await server.deletePod(`${node.name}-1`, { graceSeconds: 30 });
    await node.see(hold, second);
    t.deepEqual(await node.routes(advertise), []);
    await server.deletePod(`${node.name}-1`);
    await node.see(hold, []);
  },
);

test.serial(
  'what happens while the agent is away is caught up with, and what stayed right is not touched',
  async t => {
    const node = await nodeWithPods(t);
    const agent = startAgent(node.node, node.files);
    await server.setPodReady(`${node.name}-0`, true);
    await server.setPodReady(`${node.name}-1`, true);
    await node.see(advertise, both);
    agent.child.kill('SIGTERM');
    t.is(await agent.exit, 0);
    await server.setPodReady(`${node.name}-1`, false);
    t.deepEqual(await node.routes(advertise), both);

    const again = startAgent(node.node, node.files);
    await node.see(advertise, first);
    again.child.kill('SIGKILL');
    await again.exit;
    const third = startAgent(node.node, node.files);
    await third.logged('in sync');
    t.deepEqual(
      third.lines.filter(({ event }) => /^(advertise|hold|remove)/.test(event ?? '')),
      [],
    );
  },
);

test.serial(
  'an API server that goes changes nothing that is programmed, and is followed again when it is back',
  async t => {
    const node = await nodeWithPods(t);
    const agent = startAgent(node.node, node.files);
    await server.setPodReady(`${node.name}-0`, true);
    await node.see(advertise, first);
    await server.stopServer();
    await eventually('the loss to be told', () =>
      agent.lines.some(({ code }) => code === 'FLOCK_KUBERNETES_UNREACHABLE'),
    );
    t.deepEqual(await node.routes(advertise), first);
    await server.startServer();
    await server.setPodReady(`${node.name}-1`, true);
    await node.see(advertise, both);
  },
);

test.serial(
  'with an API server that was never reached no route is removed, and one log line has the remedy',
  async t => {
    const node = await nodeWithPods(t);
    await node.node.ip('route', 'add', '192.0.2.53/32', 'via', '10.1.1.2', 'metric', '16', 'proto', '70');
    await server.stopServer();
    const agent = startAgent(node.node, node.files);
    await eventually('the line', () =>
      agent.lines.some(({ code }) => code === 'FLOCK_KUBERNETES_UNREACHABLE'),
    );
    await new Promise(resolve => setTimeout(resolve, 1000));
    t.deepEqual(await node.routes(advertise), ['192.0.2.53/32 10.1.1.2%p0']);
    await server.startServer();
    await node.see(advertise, []);
    agent.child.kill('SIGTERM');
    t.is(await agent.exit, 0);
  },
);

test.serial(
  'a node with the drain taint withdraws everything and forwards on, until the taint goes',
  async t => {
    const node = await nodeWithPods(t);
    startAgent(node.node, node.files);
    await server.setPodReady(`${node.name}-0`, true);
    await node.see(advertise, first);
    const taint = (taints: unknown[]) =>
      server.request(
        'PATCH',
        `/api/v1/nodes/${node.name}`,
        { spec: { taints } },
        { type: 'application/merge-patch+json' },
      );
    await taint([{ key: 'flock-anycast.io/drain', effect: 'NoSchedule' }]);
    await node.see(hold, first);
    t.deepEqual(await node.routes(advertise), []);
    await taint([]);
    await node.see(advertise, first);
    t.deepEqual(await node.routes(hold), []);
  },
);

test.serial(
  'for a name that no node has no route is removed, and the error names the node that is meant',
  async t => {
    const { name, node, files, nexthop, routes, see } = await nodeWithPods(t);
    await server.setPodReady(`${name}-0`, true);
    const agent = startAgent(node, files);
    await see(advertise, first);
    agent.child.kill('SIGTERM');
    await agent.exit;

    const listen = '127.0.0.1:9470';
    const misnamed = layOutAgent(files.folder, {
      node: { name: name.toUpperCase() },
      pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
      observe: { listen },
    });
    const second = startAgent(node, misnamed);
    const told = await eventually('the error', () =>
      second.lines.find(({ code }) => code === 'FLOCK_NODE_UNKNOWN'),
    );
    t.regex(told.event ?? '', new RegExp(`no node ${name.toUpperCase()}: there is ${name}`));
    // Several passes, each of which would withdraw.
    await new Promise(resolve => setTimeout(resolve, 3000));
    t.deepEqual(await routes(advertise), first);
    const script = `fetch('http://${listen}/healthz').then(({ status }) => console.log(status))`;
    t.is((await node.exec(process.execPath, '-e', script)).trim(), '503');

    // A node that is registered after its agent has started.
    await server.request('POST', '/api/v1/nodes', { metadata: { name: `${name}-late` } });
    second.child.kill('SIGTERM');
    await second.exit;
    const early = layOutAgent(files.folder, {
      node: { name: `${name}-later` },
      pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
    });
    const third = startAgent(node, early);
    await third.logged(`no node ${name}-later: there is ${name}-late`);
    const pod = await server.createPod(`${name}-later`, `${name}-later`);
    await server.setPodReady(`${name}-later`, true);
    const { via: ipv4, interface: hostInterface } = nexthop(1);
    writeAllocations(early, [
      {
        ...{ namespace: 'default', name: `${name}-later`, uid: pod.metadata.uid, hostInterface, ipv4 },
        ...{ anycast: ['192.0.2.53'], state: 'committed' },
      },
    ]);
    t.deepEqual(await routes(advertise), first);
    await server.request('POST', '/api/v1/nodes', { metadata: { name: `${name}-later` } });
    await see(advertise, ['192.0.2.53/32 10.1.2.2%p1']);
  },
);

test.serial('a static pod, which CNI knows by the hash of its manifest, is routed', async t => {
  const lab = await nodeWithPods(t);
  const { name, files, see } = lab;
  const hash = '5d41402abc4b2a76b9719d911017c592';
  // A mirror pod as a kubelet makes it.
  await server.createPod(name, `static-${name}`, {
    annotations: {
      'kubernetes.io/config.hash': hash,
      'kubernetes.io/config.mirror': hash,
      'kubernetes.io/config.source': 'file',
    },
  });
  const allocation = {
    namespace: 'default',
    name: `static-${name}`,
    uid: hash,
    hostInterface: 'p0',
    ipv4: lab.nexthop(0).via,
    anycast: ['192.0.2.54'],
    state: 'committed' as const,
  };
  writeAllocations(files, [allocation]);
  const agent = startAgent(lab.node, files);
  await server.setPodReady(`static-${name}`, true);
  await see(advertise, ['192.0.2.54/32 10.1.1.2%p0']);

  writeAllocations(files, [{ ...allocation, uid: 'of-nobody' }]);
  await agent.logged('is for the uid of-nobody');
  await see(advertise, []);
  t.pass();
});

test.serial('an allocation whose pod the API server no longer has is removed from the store', async t => {
  const { name, node, files } = await nodeWithPods(t);
  const path = join(files.folder, 'own.json');
  const [present] = (await server.request('GET', `/api/v1/pods?fieldSelector=spec.nodeName=${name}`)).items;
  const allocation = { namespace: 'default', hostInterface: 'p0', state: 'committed' };
  const allocations = [
    { ...allocation, name: present.metadata.name, uid: present.metadata.uid },
    { ...allocation, name: 'gone', uid: 'gone' },
  ];
  writeFileSync(path, JSON.stringify({ version: 1, allocations }));
  const socket = join(files.folder, 'api.sock');
  const own = layOutAgent(files.folder, {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
    allocations: { path, socket, sweepAfterMs: 1000 },
  });
  const agent = startAgent(node, own);
  await agent.logged('removed the allocations of pods that are gone: default/gone');
  t.deepEqual(
    JSON.parse(readFileSync(path, 'utf8')).allocations.map(({ uid }: { uid: string }) => uid),
    [present.metadata.uid],
  );
});
