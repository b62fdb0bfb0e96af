/**
 * The agent's inputs from a cluster's custom resources: the node config, and the policy of which pod may use which
 * address. Like `agent.ts`, this file imports many others, because it connects them.
 */
import type { Log } from '../base/log.ts';
import type { PodLog } from '../base/pod-log.ts';
import type { Condition } from '../cluster/condition.ts';
import { KubernetesPoolStatus } from '../cluster/kubernetes-pool-status.ts';
import { KubernetesStatus } from '../cluster/kubernetes-status.ts';
import { nodeConfigStatus, type StatusInput } from '../cluster/node-config-status.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import type { DrainPolicy } from '../desired/drain.ts';
import { KubernetesClient } from '../sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../sources/kubernetes/kubernetes-config.ts';
import { KubernetesEndpoints } from '../sources/kubernetes/kubernetes-endpoints.ts';
import { KubernetesNamespaces } from '../sources/kubernetes/kubernetes-namespaces.ts';
import { KubernetesNodeConfig } from '../sources/kubernetes/kubernetes-node-config.ts';
import { KubernetesPools } from '../sources/kubernetes/kubernetes-pools.ts';
import { NeverAnycast } from './never-anycast.ts';
import { Permission, type PolicySources } from './permission.ts';

export class CustomResources {
  readonly nodeConfig: KubernetesNodeConfig;
  readonly #client: KubernetesClient;
  readonly #nodeName: string;
  readonly #log: Log;
  readonly #pools: KubernetesPools;
  readonly #poolStatus: KubernetesPoolStatus;
  readonly #namespaces: KubernetesNamespaces;
  readonly #endpoints: KubernetesEndpoints;
  readonly #neverAnycast: NeverAnycast;
  readonly #permission: Permission;
  #status: KubernetesStatus | undefined;
  #conditions: readonly Condition[] = [];

  /** @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be used */
  constructor(config: ResolvedAgentConfig, log: Log, podLog: PodLog) {
    const kubeconfig = config.pods.source === 'kubernetes' ? config.pods.kubeconfig : undefined;
    this.#nodeName = config.node.name;
    this.#log = log;
    this.#client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
    const options = { client: this.#client, log };
    this.nodeConfig = new KubernetesNodeConfig({ ...options, nodeName: this.#nodeName });
    this.#poolStatus = new KubernetesPoolStatus(options);
    this.#pools = new KubernetesPools({
      ...options,
      onJudged: (pool, problem) => this.#poolStatus.judge(pool, problem),
    });
    this.#namespaces = new KubernetesNamespaces(options);
    this.#endpoints = new KubernetesEndpoints(options);
    this.#neverAnycast = new NeverAnycast({ serverHost: () => this.#client.url.hostname, log });
    const namespaceLabels = (name: string) => this.#namespaces.snapshot().get(name);
    this.#permission = new Permission({ podLog, namespaceLabels });
    for (const source of [...this.#sources(), this.#neverAnycast]) source.onChange(() => this.#rethink());
  }

  /** Starts the watches; waits for the kernel's addresses alone, not for the API server or DNS. */
  async start(): Promise<void> {
    for (const source of this.#sources()) source.start();
    await this.#neverAnycast.start();
  }

  async stop(): Promise<void> {
    const closed = this.#neverAnycast.stop();
    this.#status?.stop();
    this.#poolStatus.stop();
    this.#permission.stop();
    for (const source of this.#sources()) source.stop();
    this.#client.close();
    await closed;
  }

  /** Allocations without the addresses that their pods may not use. */
  permit(sources: PolicySources) {
    return this.#permission.permit(sources);
  }

  /** Addresses that pods ask for and no pool grants, as `/status` shows them. */
  refusals() {
    return this.#permission.refusals();
  }

  /** The drain times of the NodeConfig at the time of reading, or else the agent's own. */
  drainPolicy(own: DrainPolicy): DrainPolicy {
    const read = (key: 'terminatingMs' | 'longestMs' | 'notReadyMs') =>
      this.nodeConfig.snapshot()?.drain?.[key] ?? own[key];
    return {
      get terminatingMs() {
        return read('terminatingMs');
      },
      get longestMs() {
        return read('longestMs');
      },
      get notReadyMs() {
        return read('notReadyMs');
      },
      ...(own.byWeight && { byWeight: true }),
    };
  }

  /** Keeps the status of this node's NodeConfig up to date. */
  reportStatus(read: () => Promise<Omit<StatusInput, 'refused'>>): void {
    this.#status = new KubernetesStatus({
      client: this.#client,
      nodeName: this.#nodeName,
      log: this.#log,
      read: async () => {
        if (!this.nodeConfig.hasOwn) return undefined;
        const input = await read();
        const refused = this.refusals().length;
        const problem = this.nodeConfig.problem?.message;
        const errors = [...(problem === undefined ? [] : [problem]), ...input.errors];
        const now = new Date().toISOString();
        const status = nodeConfigStatus({ ...input, errors, refused }, this.#conditions, now);
        this.#conditions = status.conditions ?? [];
        return status;
      },
    });
    this.#status.start();
  }

  #sources() {
    return [this.nodeConfig, this.#pools, this.#namespaces, this.#endpoints];
  }

  /** A policy is in force once everything that it stands on was read, and until another one is. */
  #rethink(): void {
    const addresses = this.#neverAnycast.snapshot();
    if (addresses === undefined || !this.#sources().every(({ synced }) => synced)) return;
    const config = this.nodeConfig.snapshot();
    this.#permission.set({
      ...addresses,
      pools: this.#pools.snapshot().values(),
      reserved: config?.reserved,
      peers: new Set(config?.bgp.peers.map(({ address }) => address)),
      apiServer: new Set([...addresses.apiServer, ...[...this.#endpoints.snapshot().values()].flat()]),
    });
  }
}
