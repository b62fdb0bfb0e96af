/**
 * Who may use which address where the node config is a file: pools of a file, or none, and what can never be anycast
 * in any case.
 */
import type { Log } from '../base/log.ts';
import type { PodLog } from '../base/pod-log.ts';
import type { NodeConfigSource } from '../config/node-config.ts';
import { PoolFileCache } from '../config/pool-file.ts';
import { NeverAnycast } from './never-anycast.ts';
import { Permission, type PolicySources } from './permission.ts';

/** The API server, where pods come from one. */
export interface ServerAddresses {
  /** The host of its URL. */
  readonly host: string;
  /** Addresses of all its instances, as far as they are known. */
  instances(): readonly string[];
  onChange(listener: () => void): () => void;
}

export interface FilePolicyOptions {
  nodeConfig: Pick<NodeConfigSource, 'snapshot' | 'onChange'>;
  /** The file of pools; undefined where the source of allocations decides. */
  poolsPath: string | undefined;
  server: ServerAddresses | undefined;
  log: Log;
  podLog: PodLog;
}

export class FilePolicy {
  readonly #nodeConfig: FilePolicyOptions['nodeConfig'];
  readonly #server: ServerAddresses | undefined;
  readonly #pools: PoolFileCache | undefined;
  readonly #neverAnycast: NeverAnycast;
  readonly #permission: Permission;

  constructor({ nodeConfig, poolsPath, server, log, podLog }: FilePolicyOptions) {
    this.#nodeConfig = nodeConfig;
    this.#server = server;
    if (poolsPath !== undefined) this.#pools = new PoolFileCache({ path: poolsPath, log });
    this.#neverAnycast = new NeverAnycast({ serverHost: () => server?.host, log });
    // A file of pools can not select by labels.
    this.#permission = new Permission({ podLog, namespaceLabels: () => undefined });
    for (const source of [nodeConfig, server, this.#pools, this.#neverAnycast])
      source?.onChange(() => this.#rethink());
  }

  /** Resolves when what can never be anycast is known; pools come when their file is good. */
  async start(): Promise<void> {
    this.#pools?.start();
    await this.#neverAnycast.start();
  }

  async stop(): Promise<void> {
    await this.#neverAnycast.stop();
    this.#pools?.stop();
    this.#permission.stop();
  }

  /** Allocations without the addresses that their pods may not use. */
  permit(sources: PolicySources) {
    return this.#permission.permit(sources);
  }

  refusals() {
    return this.#permission.refusals();
  }

  /** A policy is in force once kernel and file of pools were read. */
  #rethink(): void {
    const addresses = this.#neverAnycast.snapshot();
    const file = this.#pools?.snapshot();
    if (addresses === undefined || (this.#pools !== undefined && file === undefined)) return;
    this.#permission.set({
      ...addresses,
      pools: file?.pools,
      reserved: file?.reserved,
      peers: new Set(this.#nodeConfig.snapshot()?.bgp.peers.map(({ address }) => address)),
      apiServer: new Set([...addresses.apiServer, ...(this.#server?.instances() ?? [])]),
    });
  }
}
