/**
 * This node's object in Kubernetes: whether it exists, whether it is Ready, and whether it drains, by a taint or
 * where configured by being unschedulable.
 */
import { z } from 'zod';
import { FlockError } from '../../base/errors.ts';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { closeNames } from './close-names.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesCollection } from './kubernetes-collection.ts';
import { loadKubernetesServer } from './kubernetes-config.ts';
import { defaultTiming } from './list-watch-timing.ts';

export interface KubernetesNodeOptions {
  /** The node's name in Kubernetes. */
  nodeName: string;
  /** Path of a kubeconfig. Default: the pod's own service account, else ~/.kube/config. */
  kubeconfig?: string | undefined;
  /** Key of the taint that means draining, with any value and effect. */
  taint: string;
  /** Whether a cordoned node drains too. */
  whenUnschedulable: boolean;
  log: Log;
}

/** The fields of a v1 Node that are read. */
const nodeSchema = z.object({
  spec: z
    .object({
      unschedulable: z.boolean().nullish(),
      taints: z.array(z.object({ key: z.string() })).nullish(),
    })
    .nullish(),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish() })
    .nullish(),
});

interface NodeState {
  unschedulable: boolean;
  taints: string[];
  ready: boolean;
}

/** The most nodes that are read to find out which name was meant. */
const mostNames = 500;

export class KubernetesNode {
  readonly #options: KubernetesNodeOptions;
  readonly #listeners = new Listeners();
  readonly #stopping = new AbortController();
  #synced = false;
  #isMissing = false;
  #draining = false;
  #ready = false;

  constructor(options: KubernetesNodeOptions) {
    this.#options = options;
  }

  /**
   * True once the node's object was seen. Before that what the API server says of the node means nothing: it has no
   * pods for a name that no node has.
   */
  get synced(): boolean {
    return this.#synced;
  }

  /** As last read from the API server; false before that. */
  get draining(): boolean {
    return this.#draining;
  }

  /** The condition Ready is True. The node controller sets it to Unknown when the kubelet does not report any more. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Calls `listener` when one of these has changed. @returns what ends it */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Begins to follow. @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be used */
  start(): void {
    const { nodeName, kubeconfig, log } = this.#options;
    const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
    const nodes = new KubernetesCollection<NodeState | undefined>({
      client,
      path: '/api/v1/nodes',
      what: `the node ${nodeName}`,
      fieldSelector: `metadata.name=${nodeName}`,
      read: stateOf,
      log,
    });
    nodes.onChange(() => {
      if (nodes.snapshot().has(nodeName)) this.#take(nodes.snapshot().get(nodeName));
      else void this.#reportMissing(client);
    });
    this.#stopping.signal.addEventListener('abort', () => {
      nodes.stop();
      client.close();
    });
    nodes.start();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** @param state undefined for an invalid object: it says nothing but that the node exists */
  #take(state: NodeState | undefined): void {
    const { nodeName, taint, whenUnschedulable, log } = this.#options;
    if (this.#isMissing) log.info(`kubernetes: the node ${nodeName} exists now`);
    this.#isMissing = false;
    const before = [this.#synced, this.#draining, this.#ready];
    this.#synced = true;
    if (state !== undefined) {
      this.#draining = state.taints.includes(taint) || (whenUnschedulable && state.unschedulable);
      this.#ready = state.ready;
    }
    if (String(before) !== String([this.#synced, this.#draining, this.#ready])) this.#listeners.notify();
  }

  /** There is no such node, or not any more: what was known of it stays, except that it is Ready. */
  async #reportMissing(client: KubernetesClient): Promise<void> {
    if (this.#isMissing) return;
    this.#isMissing = true;
    if (this.#ready) {
      this.#ready = false;
      this.#listeners.notify();
    }
    const { nodeName, log } = this.#options;
    const names = await this.#namesOfNodes(client).catch(() => []);
    if (!this.#isMissing || this.#stopping.signal.aborted) return;
    const close = closeNames(nodeName, names);
    const others = close.length > 0 ? `there is ${close.slice(0, 3).join(', ')}` : undefined;
    const some = names.length > 0 ? `there is ${names.slice(0, 3).join(', ')}` : 'there are none at all';
    const message = `the cluster has no node ${nodeName}: ${others ?? some}`;
    const { code, remedy } = new FlockError('FLOCK_NODE_UNKNOWN', message, {
      remedy:
        'set NODE_NAME or node.name to the name that `kubectl get nodes` shows; no route is removed until then',
    });
    log.error({ code, remedy }, `kubernetes: ${message}`);
  }

  async #namesOfNodes(client: KubernetesClient): Promise<string[]> {
    const path = `/api/v1/nodes?limit=${mostNames}`;
    const list = (await client.getJson(path, defaultTiming, this.#stopping.signal)) as {
      items?: { metadata?: { name?: unknown } }[];
    };
    return (list.items ?? []).map(({ metadata }) => String(metadata?.name));
  }
}

function stateOf(object: unknown): NodeState | undefined {
  const node = nodeSchema.safeParse(object);
  if (!node.success) return undefined;
  const { spec, status } = node.data;
  return {
    unschedulable: spec?.unschedulable === true,
    taints: spec?.taints?.map(({ key }) => key) ?? [],
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
  };
}
