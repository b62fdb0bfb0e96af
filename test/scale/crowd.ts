/** Many nodes that begin to watch their pods at the same moment, and the cost for the API server. */
import { writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { ListWatch } from '../../lib/sources/kubernetes/kubernetes-list-watch.ts';
import { defaultTiming } from '../../lib/sources/kubernetes/list-watch-timing.ts';
import type { KubeApi } from '../support/kube-api.ts';
import { eventually } from '../support/lab.ts';
import { otherNode } from './cluster.ts';
import type { Progress } from './progress.ts';

export interface Crowd {
  nodes: number;
  /** Pods in all lists together. */
  pods: number;
  /** Until all had a list and a watch, in milliseconds; they share the processors with the server. */
  allMs: number;
  /** Nodes that the server answered with 429 at least once. */
  postponed: number;
  /** What the server spent on it, in milliseconds of processor. */
  serverCpuMs: number;
  /** What the server lets go of when they end, in MiB: live heap, and stacks. */
  serverMiB: number;
}

const processor = 'process_cpu_seconds_total';

/**
 * @param kubeconfig path of a file to write
 * @param otherNodes how many nodes with pods there are; beyond them they are taken again
 */
export async function gather(
  api: KubeApi,
  kubeconfig: string,
  { nodes, otherNodes }: { nodes: number; otherNodes: number },
  progress: Progress,
): Promise<Crowd> {
  // An administrator is exempt from the server's limits, agents are not.
  writeFileSync(kubeconfig, api.kubeconfig(await agentToken(api)));
  const crowd = { pods: 0, watching: 0, postponed: 0 };
  const log = pino({ messageKey: 'event' }, { write: (line: string) => count(line, crowd) });
  const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
  const spentBefore = await readMetric(api, processor);
  const began = performance.now();
  const members = Array.from({ length: nodes }, (_, index) => {
    const node = otherNode(index % otherNodes);
    const target = {
      replace(objects: unknown[]) {
        crowd.pods += objects.length;
      },
      upsert() {},
      remove() {},
    };
    const what = `the pods of ${node}`;
    const fieldSelector = `spec.nodeName=${node}`;
    return new ListWatch({
      client,
      path: '/api/v1/pods',
      what,
      fieldSelector,
      target,
      log,
      timing: defaultTiming,
    });
  });
  for (const member of members) member.start();
  while (crowd.watching < nodes) {
    progress.at(crowd.watching, nodes);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  const allMs = Math.round(performance.now() - began);
  const spent = (await readMetric(api, processor)) - spentBefore;
  const liveWith = await liveBytes(api);
  for (const member of members) member.stop();
  client.close();
  await eventually(
    'the end of the watches',
    async () =>
      (await readMetric(api, 'apiserver_registered_watchers{group="",kind="Pod",version="v1"}')) < nodes / 10,
  );
  const held = liveWith - (await liveBytes(api));
  return {
    nodes,
    pods: crowd.pods,
    allMs,
    postponed: crowd.postponed,
    serverCpuMs: Math.round(spent * 1000),
    serverMiB: Math.round(held / 2 ** 20),
  };
}

/** From the source's log: one line when it watches (again), and one when the server answered with 429. */
function count(line: string, crowd: { watching: number; postponed: number }): void {
  const { event } = JSON.parse(line) as { event: string };
  if (/following|again after/.test(event)) crowd.watching++;
  else if (/answers 429/.test(event)) crowd.postponed++;
}

/** The token of an account that may follow pods, as the agent's. */
async function agentToken(api: KubeApi): Promise<string> {
  const [kind, name] = ['ServiceAccount', 'crowd'];
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await api.request('POST', `${rbac}/clusterroles`, {
    metadata: { name },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }],
  });
  await api.request('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind, name, namespace: 'default' }],
  });
  return await api.serviceAccountToken('default', name);
}

/** What the server counts of itself. */
async function readMetric(api: KubeApi, name: string): Promise<number> {
  const metrics: string = await api.request('GET', '/metrics');
  const line = metrics.split('\n').find(each => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`the server has no metric ${name}`);
  return Number(line.slice(name.length));
}

/** Heap and stacks of the server, without garbage; what it keeps for use again goes with the rounds that follow. */
async function liveBytes(api: KubeApi): Promise<number> {
  for (let round = 0; round < 3; round++) await api.request('GET', '/debug/pprof/heap?gc=1');
  const heap = await readMetric(api, 'go_memstats_heap_alloc_bytes');
  return heap + (await readMetric(api, 'go_memstats_stack_inuse_bytes'));
}
