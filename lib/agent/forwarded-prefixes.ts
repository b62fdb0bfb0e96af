/**
 * The node config without the prefixes that this node does not forward. A host prefix stays: in `advertise.prefixes` it
 * is an address of the node itself, which needs no forwarding.
 */
import { type Family, familyOf } from '../base/address.ts';
import type { NodeConfig, NodeConfigSource } from '../config/node-config.ts';
import type { SysctlWatch } from '../sysctl/sysctl-watch.ts';

type Source = Pick<NodeConfigSource, 'onChange' | 'snapshot'>;

export class ForwardedPrefixes implements Source {
  readonly #nodeConfig: Source;
  readonly #settings: Pick<SysctlWatch, 'onChange' | 'unforwarded'>;
  #last: { from: NodeConfig; families: ReadonlySet<Family>; config: NodeConfig } | undefined;

  constructor(nodeConfig: Source, settings: Pick<SysctlWatch, 'onChange' | 'unforwarded'>) {
    this.#nodeConfig = nodeConfig;
    this.#settings = settings;
  }

  /** The same object until anything changes. */
  snapshot(): NodeConfig | undefined {
    const from = this.#nodeConfig.snapshot();
    const families = this.#settings.unforwarded;
    if (from === undefined || families.size === 0) return from;
    if (this.#last?.from !== from || this.#last.families !== families)
      this.#last = { from, families, config: without(families, from) };
    return this.#last.config;
  }

  onChange(listener: () => void): () => void {
    const ends = [this.#nodeConfig.onChange(listener), this.#settings.onChange(listener)];
    return () => {
      for (const end of ends) end();
    };
  }
}

function without(families: ReadonlySet<Family>, config: NodeConfig): NodeConfig {
  const prefixes = config.advertise.prefixes.filter(
    prefix => !families.has(familyOf(prefix)) || isHostPrefix(prefix),
  );
  return { ...config, advertise: { ...config.advertise, prefixes } };
}

function isHostPrefix(prefix: string): boolean {
  return prefix.endsWith(familyOf(prefix) === 4 ? '/32' : '/128');
}
