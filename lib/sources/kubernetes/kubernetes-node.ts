/** Whether Kubernetes says that this node drains: by a taint, or where configured by being unschedulable. */
import { z } from 'zod';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { loadKubernetesServer } from './kubernetes-config.ts';
import { defaultTiming, ListWatch } from './kubernetes-list-watch.ts';

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

export class KubernetesNode {
  readonly #options: KubernetesNodeOptions;
  readonly #listeners = new Listeners();
  #draining = false;
  #client: KubernetesClient | undefined;
  #listWatch: ListWatch | undefined;

  constructor(options: KubernetesNodeOptions) {
    this.#options = options;
  }

  /** As last heard; a node nobody has told of does not drain. */
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
    this.#client = new KubernetesClient(loadKubernetesServer(kubeconfig));
    this.#listWatch = new ListWatch({
      client: this.#client,
      path: '/api/v1/nodes',
      what: `the node ${nodeName}`,
      fieldSelector: `metadata.name=${nodeName}`,
      log,
      timing: defaultTiming,
      target: {
        replace: objects => this.#take(objects[0]),
        upsert: object => this.#take(object),
        // A node object that goes says nothing about draining: the last word stands.
        remove: () => {},
      },
    });
    this.#listWatch.start();
  }

  stop(): void {
    this.#listWatch?.stop();
    this.#client?.close();
  }

  #take(object: unknown): void {
    const node = nodeSchema.safeParse(object);
    if (!node.success) return;
    const { taint, whenUnschedulable } = this.#options;
    const { taints, unschedulable } = node.data.spec ?? {};
    const tainted = taints?.some(({ key }) => key === taint) ?? false;
    const draining = tainted || (whenUnschedulable && unschedulable === true);
    if (draining === this.#draining) return;
    this.#draining = draining;
    this.#listeners.notify();
  }
}
