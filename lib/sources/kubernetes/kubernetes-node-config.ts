/**
 * The node config from custom resources: the NodeConfig named like the node, laid over the one named `default`.
 *
 * Two watches of one object each, and not one of all: every node writes the status of its own, and with one watch
 * of all each of those writes would go to every node. A `default` that was there and is deleted stays in force
 * until there is one again, as a file does that vanishes: it would take every node's sessions along.
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

  /** True once the server has said of both what they are, or that there are none. */
  get synced(): boolean {
    return this.#default.synced && this.#own.synced;
  }

  /** The last good one; undefined until there was one. */
  snapshot(): ClusterNodeConfig | undefined {
    return this.#value;
  }

  /** What is wrong now, while `snapshot()` still gives what was good. */
  get problem(): FlockError | undefined {
    const [problem] = [...this.#own.problems().values(), ...this.#default.problems().values()];
    return problem ?? this.#problem;
  }

  /** Whether the node has a NodeConfig of its own, good or not, which shows its status. */
  get hasOwn(): boolean {
    return this.#own.snapshot().has(this.#nodeName) || this.#own.problems().has(this.#nodeName);
  }

  /** Calls `listener` after each change, also of `problem` and `hasOwn`, and when `synced`. */
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
      // None at all is no problem yet, as is no file: BIRD is left alone.
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
    'the NodeConfig default is gone; the last good one stays',
    {
      remedy: 'create it again: a restarted agent would honour no AnycastPool',
    },
  );
}
