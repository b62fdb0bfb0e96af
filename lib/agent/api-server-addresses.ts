/** Where the API server is, for nodes that take only their pods from it: none of its addresses can be anycast. */
import type { Log } from '../base/log.ts';
import { KubernetesClient } from '../sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../sources/kubernetes/kubernetes-config.ts';
import { KubernetesEndpoints } from '../sources/kubernetes/kubernetes-endpoints.ts';

export class ApiServerAddresses {
  readonly #client: KubernetesClient;
  readonly #endpoints: KubernetesEndpoints;

  /** @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be used */
  constructor(kubeconfig: string | undefined, log: Log) {
    this.#client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
    this.#endpoints = new KubernetesEndpoints({ client: this.#client, log });
  }

  /** The host of its URL. */
  get host(): string {
    return this.#client.url.hostname;
  }

  /** Addresses of its instances; none while they are not known, or where this account may not read them. */
  instances(): string[] {
    return [...this.#endpoints.snapshot().values()].flat();
  }

  onChange(listener: () => void): () => void {
    return this.#endpoints.onChange(listener);
  }

  start(): void {
    this.#endpoints.start();
  }

  stop(): void {
    this.#endpoints.stop();
    this.#client.close();
  }
}
