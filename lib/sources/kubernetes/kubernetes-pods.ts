/** Pods of one node from the Kubernetes API: only this node's cross the wire. */
import type { FlockError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Pod, podFromManifest, podKey } from '../pods/pod.ts';
import type { PodCache } from '../pods/pod-cache.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { loadKubernetesServer } from './kubernetes-config.ts';
import { defaultTiming, ListWatch, type ListWatchTiming } from './kubernetes-list-watch.ts';

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
}

export class KubernetesPods {
  readonly #options: KubernetesPodsOptions;
  #client: KubernetesClient | undefined;
  #listWatch: ListWatch | undefined;
  /** What is wrong with a pod, by its key, so that it is told once. */
  readonly #problems = new Map<string, string>();

  constructor(options: KubernetesPodsOptions) {
    this.#options = options;
  }

  /**
   * Begins to follow; the cache is synced when the first list is in. A server that does not answer is tried
   * until it does.
   * @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be read or used
   */
  async start(): Promise<void> {
    const { nodeName, kubeconfig, cache, log, timing } = this.#options;
    this.#client = new KubernetesClient(loadKubernetesServer(kubeconfig));
    this.#listWatch = new ListWatch({
      client: this.#client,
      path: '/api/v1/pods',
      what: `the pods of ${nodeName}`,
      fieldSelector: `spec.nodeName=${nodeName}`,
      log,
      timing: { ...defaultTiming, ...timing },
      target: {
        replace: objects => {
          const present = new Set(objects.map(keyOf));
          for (const key of this.#problems.keys()) if (!present.has(key)) this.#problems.delete(key);
          cache.replace(objects.flatMap(object => this.#read(object) ?? []));
        },
        upsert: object => {
          const pod = this.#read(object);
          if (pod) cache.upsert(pod);
        },
        remove: object => {
          const key = keyOf(object);
          this.#problems.delete(key);
          cache.remove(key);
        },
      },
    });
    this.#listWatch.start();
  }

  /** Ends at once; the cache keeps what it has. */
  stop(): void {
    this.#listWatch?.stop();
    this.#client?.close();
  }

  /** A pod that can not be understood stays as it was last understood. */
  #read(object: unknown): Pod | undefined {
    const { cache, log, annotationPrefixes } = this.#options;
    const key = keyOf(object);
    try {
      const pod = podFromManifest(object, `pod ${key}`, annotationPrefixes);
      this.#problems.delete(key);
      return pod;
    } catch (error) {
      const { code, message, remedy } = error as FlockError;
      if (this.#problems.get(key) !== message) log.warn({ code, remedy }, `kubernetes: ${message}`);
      this.#problems.set(key, message);
      return cache.snapshot().get(key);
    }
  }
}

function keyOf(object: unknown): string {
  const { namespace, name } =
    (object as { metadata?: { namespace?: string; name?: string } })?.metadata ?? {};
  return podKey(namespace ?? 'default', name ?? '');
}
