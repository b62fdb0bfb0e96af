/**
 * How BIRD knows what to announce. Pure.
 *
 * `learn`: it learns our routes from the kernel. `filter`: it is configured with the active addresses, for operators
 * whose BIRD may not learn kernel routes.
 */
import type { NodeConfig } from '../config/node-config.ts';

export type BirdMode = 'learn' | 'filter';

/**
 * The one place where the mode is decided.
 *
 * @param nodeConfig in force; undefined while there is none
 * @param configured the agent's own `bird.mode`
 */
export function birdModeOf(nodeConfig: NodeConfig | undefined, configured: BirdMode): BirdMode {
  return nodeConfig?.bird.mode ?? configured;
}
