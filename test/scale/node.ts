/** The node: a network namespace with a veth and a host route for each of its pods, and agents that run in it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentProcess, layOutAgent, startAgent } from '../support/agent.ts';
import type { ApiProxy } from '../support/api-proxy.ts';
import type { KubeApi } from '../support/kube-api.ts';
import type { Lab, Namespace } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';
import { localPod } from './cluster.ts';

/** Any port: no other program listens in the namespace. */
export const apiPort = 6443;
export const advertise = 70;
export const hold = 71;

/** Makes the way to each pod, as CNIs do that give each a veth. */
export async function addPodInterfaces(node: Namespace, pods: Namespace, count: number): Promise<void> {
  const local = Array.from({ length: count }, (_, index) => localPod(index));
  await node.ipBatch(
    local.map(({ hostInterface: name }) => `link add ${name} type veth peer name ${name} netns ${pods.name}`),
  );
  await pods.ipBatch(local.map(({ hostInterface: name }) => `link set ${name} up`));
  await node.ipBatch(
    local.flatMap(({ hostInterface: name, ipv4, ipv6 }) => [
      `link set ${name} up`,
      `route add ${ipv4} dev ${name} scope link`,
      `route add ${ipv6} dev ${name}`,
    ]),
  );
}

export interface RunningAgent extends AgentProcess {
  /** Milliseconds from its start to its first request, and until it was in sync. */
  firstRequestMs: number;
  syncedMs: number;
}

/** Starts an agent that is the node `name`, and waits until it is in sync. */
export async function startSyncedAgent(
  { lab, node }: { lab: Lab; node: Namespace },
  api: KubeApi,
  proxy: ApiProxy,
  name: string,
): Promise<RunningAgent> {
  const folder = join(lab.dir, name);
  mkdirSync(folder, { recursive: true });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig(api.token, `https://127.0.0.1:${apiPort}`));
  const files = layOutAgent(folder, {
    node: { name },
    pods: { source: 'kubernetes', kubeconfig },
    allocations: { source: 'annotations' },
  });
  const requests = proxy.exchanges.length;
  const began = performance.now();
  const agent = startAgent(node, files);
  await agent.logged('in sync');
  const syncedMs = Math.round(performance.now() - began);
  const firstRequestMs = Math.round((proxy.exchanges[requests]?.at ?? Number.NaN) - began);
  return Object.assign(agent, { firstRequestMs, syncedMs });
}

export async function stopAgent(agent: AgentProcess): Promise<void> {
  agent.child.kill('SIGTERM');
  await agent.exit;
}

export interface ProcessCost {
  rssMiB: number;
  /** The most it ever was. */
  peakMiB: number;
  /** Processor time since its start, in milliseconds. */
  cpuMs: number;
}

/** What a process costs (proc_pid_status(5), proc_pid_stat(5)). */
export function costOf({ child: { pid } }: AgentProcess): ProcessCost {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (key: string) => {
    const kib = Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    return Math.round(kib / 102.4) / 10;
  };
  // Fields 14 and 15, in ticks of 10 ms; field 2 is the name, in parentheses.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    rssMiB: mib('VmRSS'),
    peakMiB: mib('VmHWM'),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

/**
 * How the kernel's routes differ from what the API server says, in words.
 * @param count pods of the node
 */
export async function differences(
  node: Namespace,
  api: KubeApi,
  name: string,
  count: number,
): Promise<string[]> {
  const { items } = await api.request('GET', `/api/v1/pods?fieldSelector=spec.nodeName=${name}`);
  const ready = new Set<string>();
  for (const { metadata, status } of items) {
    const is = (type: string) =>
      status.conditions.some(
        (each: { type: string; status: string }) => each.type === type && each.status === 'True',
      );
    if (is('Ready')) ready.add(metadata.name);
  }
  const expected = new Map<string, string[]>();
  for (let index = 0; index < count; index++) {
    const { name: pod, hostInterface, ipv4, ipv6, own, shared } = localPod(index);
    if (!ready.has(pod)) continue;
    expected.set(`${own}/32`, [`${ipv4}%${hostInterface}`]);
    expected.set(`${shared}/128`, [...(expected.get(`${shared}/128`) ?? []), `${ipv6}%${hostInterface}`]);
  }
  const routes = new Map((await routesOf(node, advertise)).map(each => [each.destination, each.nexthops]));
  const found = (await routesOf(node, hold)).map(({ destination }) => `${destination} is still held`);
  if (items.length !== count) found.push(`the API server has ${items.length} pods of ${count}`);
  for (const destination of new Set([...expected.keys(), ...routes.keys()])) {
    const [wanted, there] = [expected, routes].map(map =>
      String(map.get(destination)?.toSorted() ?? 'no route'),
    );
    if (wanted !== there) found.push(`${destination}: ${there}, and by the API server ${wanted}`);
  }
  return found;
}
