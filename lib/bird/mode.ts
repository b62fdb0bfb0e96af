/**
 * How BIRD gets the set of announced destinations. Pure.
 *
 * `learn`: BIRD learns our routes from the kernel. `filter`: BIRD's configuration contains the active addresses, for
 * operators whose BIRD may not learn kernel routes.
 */
import type { NodeConfig } from '../config/node-config.ts';

/** `learn` or `filter`: how BIRD knows what to announce. */
export type BirdMode = 'learn' | 'filter';

/**
 * @param nodeConfig in force; undefined while there is none. Its mode wins
 * @param configured the agent's own `bird.mode`
 */
export function birdModeOf(nodeConfig: NodeConfig | undefined, configured: BirdMode): BirdMode {
  return nodeConfig?.bird.mode ?? configured;
}
