/** Opens the configured inputs of the agent: pods, allocations, node config, and the policy for addresses. */

import type { Source } from '../base/source.ts';
import { NodeConfigCache, type NodeConfigSource } from '../config/node-config.ts';
import type { AllocationView } from '../desired/views.ts';
import { PodCache } from '../sources/pods/pod-cache.ts';
import { annotationPrefixes, createAllocations } from './allocations.ts';
import type { AgentContext } from './context.ts';
import type { CustomResources } from './custom-resources.ts';

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
  /** The cluster's custom resources; undefined where the node config is a file. */
  readonly cluster: CustomResources | undefined;
  /** Addresses that pods ask for and do not get, and why. */
  refusals(): RefusedAddress[];
  /** Interfaces of the node that lead to pods, as far as they are known. */
  podInterfaces(): ReadonlySet<string>;
}

/** Whether every source has been read once: before that, an absent pod or allocation means nothing. */
export function isSynced({ pods, allocations }: Pick<Sources, 'pods' | 'allocations'>): boolean {
  return pods.synced && allocations.synced;
}

/** Opens and starts all sources; does not wait until they have synced. */
export async function openSources(context: AgentContext): Promise<Sources> {
  const { config, log, podLog, socket, stops } = context;
  const pods = new PodCache();
  const podFeed = await openPodFeed(context, pods);
  const { source, refusals, api } = createAllocations({ config, pods, socket, log, podLog });
  const cluster = await openCustomResources(context);
  const nodeConfig = cluster?.nodeConfig ?? new NodeConfigCache({ path: config.nodeConfig.path, log });
  for (const each of [cluster ?? nodeConfig, source, api, podFeed]) {
    if (each === undefined) continue;
    stops.add(() => each.stop());
    await each.start();
  }
  return {
    pods,
    allocations: cluster?.permit({ allocations: source, pods }) ?? source,
    nodeConfig,
    cluster,
    refusals: () => [...refusals(), ...(cluster?.refusals() ?? [])],
    podInterfaces: () => new Set([...source.snapshot().values()].map(({ hostInterface }) => hostInterface)),
  };
}

/** The Kubernetes client is loaded only where it is used: it is larger than the rest of this program. */
async function openPodFeed({ config, log }: AgentContext, cache: PodCache) {
  const options = { cache, log, annotationPrefixes: annotationPrefixes(config) };
  if (config.pods.source === 'directory') {
    const { PodDirectory } = await import('../sources/pods/pod-directory.ts');
    return new PodDirectory({ path: config.pods.path, ...options });
  }
  const { KubernetesPods } = await import('../sources/kubernetes/kubernetes-pods.ts');
  const { kubeconfig } = config.pods;
  return new KubernetesPods({ nodeName: config.node.name, ...options, ...(kubeconfig && { kubeconfig }) });
}

async function openCustomResources({ config, log, podLog }: AgentContext) {
  if (config.nodeConfig.source === 'file') return undefined;
  const { CustomResources } = await import('./custom-resources.ts');
  return new CustomResources(config, log, podLog);
}
