/** Annotated pods of a real API server on a node whose CNI gives each a veth and a host route (ptp, Calico, …). */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { KubernetesEvents } from '../../lib/cluster/kubernetes-events.ts';
import { podWarnings } from '../../lib/cluster/pod-warnings.ts';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { layOutAgent, startAgent } from '../support/agent.ts';
import type { ApiObject } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually, Lab } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';
import { serverOfFile } from './file-server.ts';

const { start } = serverOfFile(test);
const advertise = 70;
const hold = 71;
const annotations = { 'flock-anycast.io/addresses': '192.0.2.53, 2001:db8::53' };
const podIPs = ['10.0.0.5', 'fd00::5'];
const routed = ['192.0.2.53/32 10.0.0.5%veth5', '2001:db8::53/128 fd00::5%veth5'];
let server: KubeApiServer;

test.before(async t => {
  server = await start(t);
});

let nodes = 0;

/** The test is the CNI plugin and the kubelet. */
async function startNode(t: ExecutionContext) {
  const name = `annotated-node-${++nodes}`;
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const pod = await lab.namespace('pod');
  await server.exposeIn(node);
  await server.request('POST', '/api/v1/nodes', { metadata: { name } });
  const files = layOutAgent(join(lab.dir, 'agent'), {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
    allocations: { source: 'annotations' },
    drain: { terminatingMs: 1000 },
  });
  const see = (protocol: number, expected: string[]) => {
    let seen: string[] = [];
    return eventually(
      () => `${expected} under protocol ${protocol}; there is ${seen}`,
      async () => {
        const routes = await routesOf(node, protocol);
        seen = routes.map(({ destination, nexthops }) => `${destination} ${nexthops}`);
        return String(seen) === String(expected);
      },
    );
  };
  const addSandbox = async () => {
    await lab.link(node, 'veth5', pod, 'eth0');
    await pod.configure('eth0', '10.0.0.5/32', 'fd00::5/128');
    await node.ipBatch([
      'link set veth5 up',
      'route add 10.0.0.5 dev veth5 scope link',
      'route add fd00::5 dev veth5',
    ]);
  };
  const start = () => startAgent(node, files);
  return { name, node, see, addSandbox, start, agent: start() };
}

test.serial('a pod with the annotation becomes a route through its veth, and leaves', async t => {
  const { name, node, see, addSandbox, agent } = await startNode(t);
  await agent.logged('in sync');
  await server.createPod(name, `${name}-dns`, { annotations });
  await addSandbox();
  await server.setPodReady(`${name}-dns`, false, { podIPs });
  t.deepEqual(await routesOf(node, advertise), []);
  await server.setPodReady(`${name}-dns`, true, { podIPs });
  await see(advertise, routed);
  await server.deletePod(`${name}-dns`, { graceSeconds: 30 });
  await see(hold, routed);
  await node.ip('link', 'del', 'veth5');
  await see(hold, []);
  await server.deletePod(`${name}-dns`);
  await see(advertise, []);
  t.deepEqual(
    agent.lines.filter(({ event }) => event?.includes('not reached')),
    [],
    'a pod that ends is no news',
  );
});

test.serial(
  'an annotation that is put on a running pod counts from then on, and so does its removal',
  async t => {
    const { name, see, addSandbox } = await startNode(t);
    const path = `/api/v1/namespaces/default/pods/${name}-dns`;
    const annotate = (value: string | null) =>
      server.request('PATCH', path, { metadata: { annotations: { 'flock.fritzlab.net/anycast': value } } });
    await server.createPod(name, `${name}-dns`);
    await addSandbox();
    await server.setPodReady(`${name}-dns`, true, { podIPs });
    await annotate('192.0.2.53,2001:db8::53');
    await see(advertise, routed);
    await annotate('2001:db8::53');
    await see(advertise, routed.slice(1));
    await annotate(null);
    await see(advertise, []);
    t.pass();
  },
);

test.serial('a hostNetwork pod is refused with the reason, and routes nothing', async t => {
  const { name, node, agent } = await startNode(t);
  await server.createPod(name, `${name}-dns`, { annotations, spec: { hostNetwork: true } });
  await server.setPodReady(`${name}-dns`, true, { podIPs: ['192.0.2.11'] });
  await agent.logged('hostNetwork');
  t.deepEqual(await routesOf(node, advertise), []);
});

test.serial(
  'what is refused is an Event on the pod, another message is another one, and none is made again each pass',
  async t => {
    const { name, agent, start } = await startNode(t);
    const path = `/api/v1/namespaces/default/pods/${name}-dns`;
    const asking = (value: string) => ({ 'flock-anycast.io/addresses': value });
    const pod = await server.createPod(name, `${name}-dns`, {
      annotations: asking('192.0.2.530, 127.0.0.1'),
    });
    const events = async (): Promise<ApiObject[]> => {
      const { items } = await server.request('GET', '/apis/events.k8s.io/v1/namespaces/default/events');
      return items.filter(({ regarding }: ApiObject) => regarding.uid === pod.metadata.uid);
    };
    const [first] = await eventually('two Events', async () => {
      const all = (await events()).toSorted((left, right) => (left.reason < right.reason ? -1 : 1));
      return all.length === 2 && all;
    });
    t.like(first, {
      type: 'Warning',
      reason: 'NotAnAddress',
      reportingController: 'flock-anycast',
      reportingInstance: name,
      regarding: { kind: 'Pod', name: `${name}-dns` },
      series: undefined,
    });
    t.regex(first.note, /"192\.0\.2\.530" is not an IP address; write global/);
    await server.request('PATCH', path, { metadata: { annotations: asking('192.0.2.531, 127.0.0.1') } });
    await eventually('the other message', async () =>
      (await events()).some(({ note }) => note.includes('192.0.2.531')),
    );
    const counts = async () => (await events()).map(({ series }) => series?.count).sort();
    t.deepEqual(await counts(), [undefined, undefined, undefined], 'neither made anew nor counted');

    // An agent that is started again finds them by their names: those of the two messages that stand.
    for (const count of [2, 3]) {
      agent.child.kill('SIGKILL');
      await agent.exit;
      const other = start();
      await eventually(`the count ${count}`, async () => String(await counts()) === `${count},${count},`);
      t.deepEqual(
        other.lines.filter(({ event }) => event?.includes('can not write an Event')),
        [],
      );
      other.child.kill('SIGKILL');
      await other.exit;
    }
  },
);

test.serial('the server takes an Event of the longest message, from a node of the longest name', async t => {
  const { metadata } = await server.createPod('elsewhere', 'long');
  const lines: string[] = [];
  const log = pino({ messageKey: 'event' }, { write: (line: string) => void lines.push(line) });
  const client = new KubernetesClient(loadKubernetesServer(server.kubeconfigPath), log);
  const refused = { pod: 'default/long', reason: 'Reserved', message: 'ä🐑'.repeat(500), remedy: 'none' };
  const pods = new Map([['default/long', { namespace: 'default', name: 'long', uid: metadata.uid }]]);
  const events = new KubernetesEvents({
    ...{ client, log, everyMs: 20, nodeName: `${'n'.repeat(62)}.`.repeat(4).slice(0, 251) },
    read: () => podWarnings([refused], pods),
  });
  t.teardown(() => {
    events.stop();
    client.close();
  });
  events.start();
  const path = '/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name=long';
  await eventually(
    () => `the Event; ${lines}`,
    async () => (await server.request('GET', path)).items.length === 1,
  );
  t.deepEqual(lines, []);
});
