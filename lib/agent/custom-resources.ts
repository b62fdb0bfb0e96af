/**
 * The agent's inputs from a cluster's custom resources: the node config, and the policy of which pod may use which
 * address. Like `agent.ts`, this file imports many others, because it connects them.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { parseAddress } from '../base/address.ts';
import type { Log } from '../base/log.ts';
import type { PodLog } from '../base/pod-log.ts';
import type { Condition } from '../cluster/condition.ts';
import { KubernetesPoolStatus } from '../cluster/kubernetes-pool-status.ts';
import { KubernetesStatus } from '../cluster/kubernetes-status.ts';
import { nodeConfigStatus, type StatusInput } from '../cluster/node-config-status.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import type { DrainPolicy } from '../desired/drain.ts';
import { localAddresses } from '../kernel/lookups/local-addresses.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';
import { PermittedAllocations, type PermittedAllocationsOptions } from '../policy/permitted-allocations.ts';
import { AddressPolicy } from '../policy/policy.ts';
import { KubernetesClient } from '../sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../sources/kubernetes/kubernetes-config.ts';
import { KubernetesEndpoints } from '../sources/kubernetes/kubernetes-endpoints.ts';
import { KubernetesNamespaces } from '../sources/kubernetes/kubernetes-namespaces.ts';
import { KubernetesNodeConfig } from '../sources/kubernetes/kubernetes-node-config.ts';
import { KubernetesPools } from '../sources/kubernetes/kubernetes-pools.ts';

/** How often the node's addresses and the API server's (by DNS) are read again, in milliseconds. */
const addressesEveryMs = 5000;

type PolicySources = Pick<PermittedAllocationsOptions, 'allocations' | 'pods'>;

export class CustomResources {
  readonly nodeConfig: KubernetesNodeConfig;
  readonly #client: KubernetesClient;
  readonly #nodeName: string;
  readonly #log: Log;
  readonly #podLog: PodLog;
  readonly #pools: KubernetesPools;
  readonly #poolStatus: KubernetesPoolStatus;
  readonly #namespaces: KubernetesNamespaces;
  readonly #endpoints: KubernetesEndpoints;
  readonly #socket = new RouteSocket();
  #node: ReadonlySet<string> | undefined;
  #serverAddresses: readonly string[] = [];
  #addresses = '';
  #poll: NodeJS.Timeout | undefined;
  #policy: AddressPolicy | undefined;
  #permitted: PermittedAllocations | undefined;
  #status: KubernetesStatus | undefined;
  #conditions: readonly Condition[] = [];

  /** @throws FlockError FLOCK_CONFIG_INVALID when the kubeconfig can not be used */
  constructor(config: ResolvedAgentConfig, log: Log, podLog: PodLog) {
    const kubeconfig = config.pods.source === 'kubernetes' ? config.pods.kubeconfig : undefined;
    this.#nodeName = config.node.name;
    this.#log = log;
    this.#podLog = podLog;
    this.#client = new KubernetesClient(loadKubernetesServer(kubeconfig));
    const options = { client: this.#client, log };
    this.nodeConfig = new KubernetesNodeConfig({ ...options, nodeName: this.#nodeName });
    this.#poolStatus = new KubernetesPoolStatus(options);
    this.#pools = new KubernetesPools({
      ...options,
      onJudged: (pool, problem) => this.#poolStatus.judge(pool, problem),
    });
    this.#namespaces = new KubernetesNamespaces(options);
    this.#endpoints = new KubernetesEndpoints(options);
    for (const source of this.#sources()) source.onChange(() => this.#rebuildPolicy());
  }

  /** Starts the watches; returns at once, whether or not the API server answers. */
  start(): void {
    for (const source of this.#sources()) source.start();
    // Not waited for: DNS may be reachable only by routes that BIRD's sessions bring.
    void this.#readAddresses();
    this.#poll = setInterval(() => void this.#readAddresses(), addressesEveryMs);
    this.#poll.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#poll);
    this.#status?.stop();
    this.#poolStatus.stop();
    this.#permitted?.stop();
    for (const source of this.#sources()) source.stop();
    this.#client.close();
    await this.#socket.close();
  }

  /** Allocations without the addresses that their pods may not use. Refusals are logged once, and when they change. */
  permit(sources: PolicySources): PermittedAllocations {
    this.#permitted = new PermittedAllocations({
      ...sources,
      policy: () => this.#policy,
      namespaceLabels: name => this.#namespaces.snapshot().get(name),
      onRefusals: (key, refusals) => {
        for (const { reason, address, message, remedy } of refusals) {
          this.#podLog.warn(key, { code: reason, address, remedy }, `refused: ${message}`);
        }
        if (refusals.length === 0) this.#podLog.info(key, {}, 'no address of this pod is refused any more');
      },
    });
    // The policy may already be in force.
    this.#permitted.judgeAll();
    return this.#permitted;
  }

  /** Addresses that pods ask for and no pool grants, as `/status` shows them. */
  refusals() {
    return [...(this.#permitted?.refusals() ?? [])].flatMap(([pod, refusals]) =>
      refusals.map(({ reason, address, message, remedy }) => ({
        pod,
        reason,
        message,
        value: address,
        remedy,
      })),
    );
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

  async #readAddresses(): Promise<void> {
    try {
      this.#node = await localAddresses(this.#socket);
      this.#serverAddresses = await addressesOf(this.#client.url.hostname);
    } catch (error) {
      this.#log.warn({ error }, `can not read this node's addresses; those read before stay in force`);
    }
    const addresses = [...(this.#node ?? []), ...this.#serverAddresses].sort().join();
    if (addresses === this.#addresses) return;
    this.#addresses = addresses;
    this.#rebuildPolicy();
  }

  /** Replaces the policy when all its inputs have been read; until then the former policy stays in force. */
  #rebuildPolicy(): void {
    if (this.#node === undefined || !this.#sources().every(({ synced }) => synced)) return;
    const config = this.nodeConfig.snapshot();
    this.#policy = new AddressPolicy({
      pools: this.#pools.snapshot().values(),
      reserved: config?.reserved,
      node: this.#node,
      peers: new Set(config?.bgp.peers.map(({ address }) => address)),
      apiServer: new Set([...this.#serverAddresses, ...[...this.#endpoints.snapshot().values()].flat()]),
    });
    this.#permitted?.judgeAll();
  }
}

/** @param host of a URL. @returns its addresses; none for a name that does not resolve */
async function addressesOf(host: string): Promise<string[]> {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return [parseAddress(bare).text];
  const found = await lookup(bare, { all: true }).catch(() => []);
  return found.map(({ address }) => parseAddress(address).text);
}
