/**
 * The node config from custom resources: the NodeConfig named like the node, merged over the one named `default`.
 *
 * Two watches of one object each, and not one of all: every node writes the status of its own, and one watch of all
 * would send each of those writes to every node. A `default` that is deleted stays in force until there is one
 * again, as a deleted file does: without it every node would lose its BGP sessions.
 */
import { FlockError } from '../../base/errors.ts';
import { Listeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import type { NodeConfigSource } from '../../config/node-config.ts';
import {
  type ClusterNodeConfig,
  mergeNodeConfig,
  type NodeConfigSpec,
  nodeConfigSpecOf,
} from '../../config/node-config-resource.ts';
import { type ClusterAccess, KubernetesCollection } from './kubernetes-collection.ts';
import { defaultNodeConfigName, resourcePath } from './resource-api.ts';

export interface KubernetesNodeConfigOptions extends ClusterAccess {
  /** The node's name in Kubernetes. */
  nodeName: string;
}

export class KubernetesNodeConfig implements NodeConfigSource {
  readonly #nodeName: string;
  readonly #log: Log;
  readonly #default: KubernetesCollection<NodeConfigSpec>;
  readonly #own: KubernetesCollection<NodeConfigSpec>;
  readonly #listeners = new Listeners();
  #value: ClusterNodeConfig | undefined;
  #problem: FlockError | undefined;

  constructor({ nodeName, log, ...options }: KubernetesNodeConfigOptions) {
    this.#nodeName = nodeName;
    this.#log = log;
    const follow = (name: string) => {
      const collection = new KubernetesCollection<NodeConfigSpec>({
        ...options,
        log,
        path: resourcePath('nodeconfigs'),
        what: `the NodeConfig ${name}`,
        fieldSelector: `metadata.name=${name}`,
        read: object => nodeConfigSpecOf(object, `NodeConfig ${name}`),
      });
      collection.onChange(() => this.#merge());
      return collection;
    };
    this.#default = follow(defaultNodeConfigName);
    this.#own = follow(nodeName);
  }

  /** True once both were read, or found to be missing. */
  get synced(): boolean {
    return this.#default.synced && this.#own.synced;
  }

  /** The last good one; undefined until there was one. */
  snapshot(): ClusterNodeConfig | undefined {
    return this.#value;
  }

  /** What is wrong now, while `snapshot()` still gives the last good one. */
  get problem(): FlockError | undefined {
    const [problem] = [...this.#own.problems().values(), ...this.#default.problems().values()];
    return problem ?? this.#problem;
  }

  /** Whether the node has a NodeConfig of its own, valid or not, which shows its status. */
  get hasOwn(): boolean {
    return this.#own.snapshot().has(this.#nodeName) || this.#own.problems().has(this.#nodeName);
  }

  /** Calls `listener` after each change, also of `problem`, `hasOwn` and `synced`. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  start(): void {
    this.#default.start();
    this.#own.start();
  }

  stop(): void {
    this.#default.stop();
    this.#own.stop();
  }

  #merge(): void {
    if (!this.synced) return;
    const base = this.#default.snapshot().get(defaultNodeConfigName);
    const own = this.#own.snapshot().get(this.#nodeName);
    const before = this.#problem?.message;
    try {
      this.#problem = undefined;
      if (base === undefined && this.#value?.reserved !== undefined) throw defaultIsGone();
      // No NodeConfig at all is no problem yet, like a missing file: BIRD is not configured.
      if (base !== undefined || own !== undefined) {
        this.#value = mergeNodeConfig(base, own, `NodeConfig ${this.#nodeName} over default`);
      }
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      this.#problem = error;
      const { code, message, remedy } = error;
      if (message !== before) this.#log.warn({ code, remedy }, `kubernetes: ${message}`);
    }
    this.#listeners.notify();
  }
}

function defaultIsGone(): FlockError {
  return new FlockError(
    'FLOCK_NODE_CONFIG_INVALID',
    'the NodeConfig default was deleted; the last good one stays in force',
    {
      remedy: 'create it again: after a restart of the agent no AnycastPool would be in force',
    },
  );
}
