/** Pods of one node from the Kubernetes API: only this node's cross the wire. */
import type { Log } from '../../base/log.ts';
import { podFromManifest, podKey } from '../pods/pod.ts';
import type { PodCache } from '../pods/pod-cache.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesCollection } from './kubernetes-collection.ts';
import { loadKubernetesServer } from './kubernetes-config.ts';
import type { KubernetesNode } from './kubernetes-node.ts';
import type { ListWatchTiming } from './list-watch-timing.ts';

export interface KubernetesPodsOptions {
  /** The node's name in Kubernetes. */
  nodeName: string;
  /** Path of a kubeconfig. Default: the pod's own service account, else ~/.kube/config. */
  kubeconfig?: string;
  cache: PodCache;
  log: Log;
  /** Annotations kept on a pod are those whose key begins with one of these. */
  annotationPrefixes?: readonly string[];
  timing?: Partial<ListWatchTiming>;
  /**
   * The node's object: no list of pods counts before that was seen, because a server has an empty one for each name
   * that is no node's. Default: not waited for.
   */
  node?: Pick<KubernetesNode, 'synced' | 'onChange'> | undefined;
}

export class KubernetesPods {
  readonly #options: KubernetesPodsOptions;
  #stop = () => {};
  #isConnected = () => false;

  constructor(options: KubernetesPodsOptions) {
    this.#options = options;
  }

  /**
   * Begins to follow; the cache is synced when the first list is in. A server that does not answer is tried
   * until it does.
   * @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be read or used
   */
  async start(): Promise<void> {
    const { nodeName, kubeconfig, cache, log, annotationPrefixes, timing, node } = this.#options;
    const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
    const pods = new KubernetesCollection({
      client,
      path: '/api/v1/pods',
      what: `the pods of ${nodeName}`,
      fieldSelector: `spec.nodeName=${nodeName}`,
      keyOf,
      read: (object, key) => podFromManifest(object, `pod ${key}`, annotationPrefixes),
      log,
      timing,
    });
    const isNodeKnown = () => node?.synced ?? true;
    pods.onChange(keys => {
      if (isNodeKnown()) cache.update(keys, pods.snapshot());
    });
    const off = node?.onChange(() => {
      if (!cache.synced && isNodeKnown() && pods.synced)
        cache.update(pods.snapshot().keys(), pods.snapshot());
    });
    this.#stop = () => {
      off?.();
      pods.stop();
      client.close();
    };
    this.#isConnected = () => pods.isConnected;
    pods.start();
  }

  /** Whether the pods are those that the API server has now, as far as is known. */
  get isConnected(): boolean {
    return this.#isConnected();
  }

  /** Ends at once; the cache keeps what it has. */
  stop(): void {
    this.#stop();
  }
}

function keyOf(object: unknown): string {
  const { namespace, name } =
    (object as { metadata?: { namespace?: string; name?: string } } | null)?.metadata ?? {};
  return podKey(namespace ?? 'default', name ?? '');
}
