/** Opens the configured inputs of the agent: pods, allocations, node config, and the policy for addresses. */
import type { Log } from '../base/log.ts';
import type { Source } from '../base/source.ts';
import { NodeConfigCache, type NodeConfigSource } from '../config/node-config.ts';
import type { AllocationView } from '../desired/views.ts';
import type { AllocationApi } from '../sources/allocations/allocation-api.ts';
import type { KubernetesNode } from '../sources/kubernetes/kubernetes-node.ts';
import { PodCache } from '../sources/pods/pod-cache.ts';
import { annotationPrefixes, createAllocations, createSweep } from './allocations.ts';
import type { AgentContext } from './context.ts';
import type { CustomResources } from './custom-resources.ts';
import { FilePolicy } from './file-policy.ts';

/** An address that a pod asks for and does not get. */
export interface RefusedAddress {
  /** `namespace/name` of the pod. */
  readonly pod: string;
  /** Stable, one word. */
  readonly reason: string;
  readonly message: string;
  readonly value: string;
  readonly remedy: string;
}

export interface Sources {
  readonly pods: PodCache;
  /** Without the addresses that their pods may not use. */
  readonly allocations: Source<AllocationView>;
  readonly nodeConfig: NodeConfigSource;
  /** The node's object in Kubernetes; undefined where the pods come from elsewhere. */
  readonly node: KubernetesNode | undefined;
  /** The cluster's custom resources; undefined where the node config is a file. */
  readonly cluster: CustomResources | undefined;
  /** Addresses that pods ask for and do not get, and why. */
  refusals(): RefusedAddress[];
  /** Interfaces of the node that lead to pods, as far as they are known. */
  podInterfaces(): ReadonlySet<string>;
  /** Calls `listener` with those that were reported, or reported again. */
  onPodInterfaces(listener: (names: readonly string[]) => void): void;
}

/** Whether every source has been read once: before that, an absent pod or allocation means nothing. */
export function isSynced({ pods, allocations }: Pick<Sources, 'pods' | 'allocations'>): boolean {
  return pods.synced && allocations.synced;
}

/** Opens and starts all sources; does not wait until they have synced. */
export async function openSources(context: AgentContext): Promise<Sources> {
  const { config, log, podLog, socket, stops } = context;
  const pods = new PodCache();
  const node = await openKubernetesNode(context);
  const podFeed = await openPodFeed(context, pods, node);
  const allocations = createAllocations({ config, pods, socket, log, podLog });
  const { source, refusals, api } = allocations;
  const sweep = createSweep(
    context,
    allocations,
    pods,
    () => 'isConnected' in podFeed && podFeed.isConnected,
  );
  const cluster = await openCustomResources(context);
  const nodeConfig = cluster?.nodeConfig ?? new NodeConfigCache({ path: config.nodeConfig.path, log });
  const policy = cluster ?? (await openFilePolicy(context, nodeConfig));
  const filePolicy = policy === cluster ? undefined : policy;
  for (const each of [cluster ?? nodeConfig, filePolicy, source, podFeed, node, sweep]) {
    if (each === undefined) continue;
    stops.add(() => each.stop());
    await each.start();
  }
  if (api !== undefined) openLocalApi(context, api);
  return {
    pods,
    allocations: policy.permit({ allocations: source, pods }),
    nodeConfig,
    node,
    cluster,
    refusals: () => [...refusals(), ...policy.refusals()],
    podInterfaces: () => new Set([...source.snapshot().values()].map(({ hostInterface }) => hostInterface)),
    onPodInterfaces: listener => {
      const interfaceOf = (key: string) => source.snapshot().get(key)?.hostInterface ?? [];
      source.onChange(keys => listener([...keys].flatMap(interfaceOf)));
    },
  };
}

/** The allocations that are known are routed while nobody can report another one. */
function openLocalApi({ log, clock, stops, openings }: AgentContext, api: AllocationApi): void {
  const opening = openings.add('local-api', {
    open: async () => {
      await api.start();
      return () => api.stop();
    },
    guard: {
      isIntact: () => api.isReachable(),
      lost: 'the socket of the local API was removed; it is made again',
    },
    opened: 'the local API can be opened now',
    clock,
    log,
  });
  stops.add(() => opening.stop());
}

/** The Kubernetes client is loaded only where it is used: it is larger than the rest of this program. */
async function openPodFeed({ config, log }: AgentContext, cache: PodCache, node: KubernetesNode | undefined) {
  const options = { cache, log, annotationPrefixes: annotationPrefixes(config) };
  if (config.pods.source === 'directory') {
    const { PodDirectory } = await import('../sources/pods/pod-directory.ts');
    return new PodDirectory({ path: config.pods.path, ...options });
  }
  const { KubernetesPods } = await import('../sources/kubernetes/kubernetes-pods.ts');
  const { kubeconfig } = config.pods;
  const nodeName = config.node.name;
  return new KubernetesPods({ nodeName, node, ...options, ...(kubeconfig && { kubeconfig }) });
}

async function openKubernetesNode({ config, log }: AgentContext): Promise<KubernetesNode | undefined> {
  if (config.pods.source !== 'kubernetes') return undefined;
  const { KubernetesNode } = await import('../sources/kubernetes/kubernetes-node.ts');
  const { kubeconfig } = config.pods;
  const { taint, whenUnschedulable } = config.drain;
  return new KubernetesNode({ nodeName: config.node.name, kubeconfig, taint, whenUnschedulable, log });
}

/** What can never be anycast holds without custom resources, too. */
async function openFilePolicy(context: AgentContext, nodeConfig: NodeConfigSource): Promise<FilePolicy> {
  const { config, log, podLog, stops } = context;
  const server =
    config.pods.source === 'kubernetes' ? await openServer(config.pods.kubeconfig, log) : undefined;
  if (server !== undefined) {
    stops.add(() => server.stop());
    server.start();
  }
  return new FilePolicy({ nodeConfig, poolsPath: config.pools.path, server, log, podLog });
}

async function openServer(kubeconfig: string | undefined, log: Log) {
  const { ApiServerAddresses } = await import('./api-server-addresses.ts');
  return new ApiServerAddresses(kubeconfig, log);
}

async function openCustomResources({ config, log, podLog }: AgentContext) {
  if (config.nodeConfig.source === 'file') return undefined;
  const { CustomResources } = await import('./custom-resources.ts');
  return new CustomResources(config, log, podLog);
}
