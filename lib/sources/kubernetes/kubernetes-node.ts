/** Whether this node drains according to Kubernetes: by a taint, or where configured by being unschedulable. */
import { z } from 'zod';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesCollection } from './kubernetes-collection.ts';
import { loadKubernetesServer } from './kubernetes-config.ts';

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
});

type NodeSpec = NonNullable<z.output<typeof nodeSchema>['spec']>;

export class KubernetesNode {
  readonly #options: KubernetesNodeOptions;
  readonly #listeners = new Listeners();
  #draining = false;
  #stop = () => {};

  constructor(options: KubernetesNodeOptions) {
    this.#options = options;
  }

  /** As last read from the API server; false before that. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Calls `listener` when `draining` has changed. @returns what ends it */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Begins to follow. @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be used */
  start(): void {
    const { nodeName, kubeconfig, log } = this.#options;
    const client = new KubernetesClient(loadKubernetesServer(kubeconfig));
    const nodes = new KubernetesCollection<NodeSpec | undefined>({
      client,
      path: '/api/v1/nodes',
      what: `the node ${nodeName}`,
      fieldSelector: `metadata.name=${nodeName}`,
      read(object) {
        const node = nodeSchema.safeParse(object);
        return node.success ? (node.data.spec ?? {}) : undefined;
      },
      log,
    });
    nodes.onChange(() => this.#take(nodes.snapshot().get(nodeName)));
    this.#stop = () => {
      nodes.stop();
      client.close();
    };
    nodes.start();
  }

  stop(): void {
    this.#stop();
  }

  /** @param spec undefined for a node object that is gone or invalid: it says nothing about draining */
  #take(spec: NodeSpec | undefined): void {
    if (spec === undefined) return;
    const { taint, whenUnschedulable } = this.#options;
    const isTainted = spec.taints?.some(({ key }) => key === taint) ?? false;
    const draining = isTainted || (whenUnschedulable && spec.unschedulable === true);
    if (draining === this.#draining) return;
    this.#draining = draining;
    this.#listeners.notify();
  }
}
