/** What the node controller does to the pods of a node that it lost, on a real API server. The test is both. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { layOutAgent, startAgent, writeAllocations } from '../support/agent.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { serverOfFile } from './file-server.ts';

const { start } = serverOfFile(test);
const listen = '127.0.0.1:9470';
let server: KubeApiServer;

test.before(async t => {
  server = await start(t);
});

/** A node with two Ready pods, each with an address of its own; the second has a readiness gate. */
async function servingNode(t: ExecutionContext, name: string, nodeRecoveryMs: number) {
  const lab = await createNodeLab(t, 2);
  await server.exposeIn(lab.node);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig: server.kubeconfigPath },
    drain: { nodeRecoveryMs },
    observe: { listen },
  });
  await server.request('POST', '/api/v1/nodes', { metadata: { name } });
  const setNode = (status: string) =>
    server.request('PATCH', `/api/v1/nodes/${name}/status`, {
      status: { conditions: [{ type: 'Ready', status }] },
    });
  const set = (index: number, conditions: Record<string, string>) =>
    server.patchPodStatus(`${name}-${index}`, {
      conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })),
    });
  await setNode('True');
  const pods = [
    await server.createPod(name, `${name}-0`),
    await server.createPod(name, `${name}-1`, { spec: { readinessGates: [{ conditionType: 'gate' }] } }),
  ];
  writeAllocations(
    files,
    pods.map(({ metadata: { name, uid } }, index) => ({
      ...{ namespace: 'default', name, uid, hostInterface: `p${index}`, ipv4: lab.nexthop(index).via },
      ...{ anycast: [`192.0.2.${index}`], state: 'committed' },
    })),
  );
  await set(0, { Ready: 'True', ContainersReady: 'True' });
  await set(1, { Ready: 'True', ContainersReady: 'True', gate: 'True' });
  const agent = startAgent(lab.node, files);
  let seen: string[] = [];
  const see = (...expected: string[]) =>
    eventually(
      () => `${expected}, not ${seen}`,
      async () => {
        seen = (await routesOf(lab.node, 70)).map(({ destination }) => destination);
        return String(seen) === String(expected);
      },
    );
  const get = async (path: string) => {
    const script = `fetch('http://${listen}${path}').then(it => it.text()).then(console.log)`;
    return lab.node.exec(process.execPath, '-e', script);
  };
  let heldNow: string[] = [];
  const held = async () => {
    heldNow = JSON.parse(await get('/status'))["held: not the pod's word"];
    return heldNow;
  };
  const seeHeld = (...expected: string[]) =>
    eventually(
      () => `${expected} held, not ${heldNow}`,
      async () => String(await held()) === String(expected),
    );
  await see('192.0.2.0/32', '192.0.2.1/32');
  const isRouted = (line: { event?: string }) => /^(hold|remove) /.test(line.event ?? '');
  return { ...lab, name, files, agent, setNode, set, see, get, held, seeHeld, isRouted };
}

const lost = { Ready: 'False' };

test.serial('pods of a node that the controller lost are served on until their kubelet writes', async t => {
  const { name, node, files, agent, setNode, set, see, get, held, seeHeld, isRouted } = await servingNode(
    t,
    'lost',
    600_000,
  );
  await setNode('Unknown');
  for (const index of [0, 1]) await set(index, lost);
  const keys = [`default/${name}-0`, `default/${name}-1`];
  await seeHeld(...keys);
  t.regex(await get('/metrics'), /flock_anycast_pods_held 2/);
  t.deepEqual(agent.lines.filter(isRouted), []);

  agent.child.kill('SIGKILL');
  await agent.exit;
  const again = startAgent(node, files);
  await again.logged('in sync');
  await seeHeld(...keys);
  await setNode('True');
  await set(0, { Ready: 'True' });
  await seeHeld(`default/${name}-1`);
  t.deepEqual(again.lines.filter(isRouted), []);

  await set(1, { gate: 'False' });
  await see('192.0.2.0/32');
  await set(0, { Ready: 'False', ContainersReady: 'False' });
  await see();
  t.deepEqual(await held(), []);
});

test.serial(
  'a pod whose kubelet does not write after the node is Ready again leaves when its time is over',
  async t => {
    const { setNode, set, see, held, seeHeld } = await servingNode(t, 'silent', 1000);
    await setNode('Unknown');
    await set(1, lost);
    await seeHeld('default/silent-1');
    await setNode('True');
    await see('192.0.2.0/32');
    t.deepEqual(await held(), []);
  },
);
