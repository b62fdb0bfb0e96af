/** The texts of BIRD's configuration for this node, from all that goes into them. Reads the password files. */
import type { Destination } from '../base/address.ts';
import type { FlockError } from '../base/errors.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { BirdTexts } from './config-files.ts';
import { LinkAddresses } from './link-next-hop.ts';
import { type BirdMode, birdModeOf } from './mode.ts';
import { readPasswords } from './passwords.ts';
import { type BirdRoutes, renderBirdConfig } from './render.ts';

/** What is the same in each configuration of one BIRD. */
export interface ConfigTextsOptions {
  /** Used when the node config sets none. */
  mode: BirdMode;
  routes: BirdRoutes;
  /** Whether BIRD puts the BGP routes that it receives into the kernel. */
  kernelExport: boolean;
  /** Why BIRD can learn none of our routes here; undefined when it can. Learn mode is then refused. */
  whyBlind?: () => FlockError | undefined;
}

/** What differs from one configuration to the next. */
export interface ConfigTextsInput {
  nodeConfig: NodeConfig;
  /** What to announce in filter mode; learn mode ignores it. */
  active: Iterable<Destination>;
  /** Tables, metrics and protocol numbers of former configurations, while their routes are moved. */
  formerRoutes: readonly BirdRoutes[] | undefined;
  /** Undefined when it is not known. */
  birdVersion: string | undefined;
}

const nothing: ReadonlySet<Destination> = new Set();

export class ConfigTexts {
  readonly #options: ConfigTextsOptions;
  readonly #linkAddresses = new LinkAddresses();

  constructor(options: ConfigTextsOptions) {
    this.#options = options;
  }

  /** @param nodeConfig undefined when there is none */
  modeOf(nodeConfig: NodeConfig | undefined): BirdMode {
    return birdModeOf(nodeConfig, this.#options.mode);
  }

  /**
   * What BIRD announces by its configuration: nothing in learn mode, where the kernel's routes decide.
   * @throws FlockError FLOCK_BIRD_BLIND when learn mode would announce nothing here
   */
  announced(nodeConfig: NodeConfig, active: Iterable<Destination>): ReadonlySet<Destination> {
    const mode = this.modeOf(nodeConfig);
    const blind = mode === 'learn' ? this.#options.whyBlind?.() : undefined;
    if (blind !== undefined) throw blind;
    return mode === 'filter' ? new Set(active) : nothing;
  }

  /**
   * The text that a BIRD starts with, which announces no address, and the one that it is to run.
   * @throws FlockError FLOCK_NODE_CONFIG_INVALID
   */
  texts(input: ConfigTextsInput & { active: ReadonlySet<Destination> }): BirdTexts {
    const start = this.render({ ...input, active: nothing });
    return { start, running: input.active.size === 0 ? start : this.render(input) };
  }

  /** @throws FlockError FLOCK_NODE_CONFIG_INVALID */
  render({ nodeConfig, active, formerRoutes = [], birdVersion }: ConfigTextsInput): string {
    const { routes, kernelExport } = this.#options;
    return renderBirdConfig({
      nodeConfig,
      mode: this.modeOf(nodeConfig),
      routes,
      formerRoutes,
      kernelExport,
      active,
      passwords: readPasswords(nodeConfig),
      linkAddresses: this.#linkAddresses.of(nodeConfig.bgp.peers),
      birdVersion,
    });
  }
}
