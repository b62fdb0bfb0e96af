/**
 * The agent's configuration file: YAML, every key documented by its schema, nothing unknown accepted.
 * BGP settings (peers, ASNs) are in the node config (`node-config.ts`), because they change while the agent runs.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { FlockError } from '../base/errors.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { allocations, node, nodeConfig, pods, pools } from './keys/inputs.ts';
import { routes, state } from './keys/routes.ts';
import { bird, observe, sysctl } from './keys/surroundings.ts';
import { drain, reconcile } from './keys/timing.ts';
import { parseYaml } from './parse-yaml.ts';

const keys = z.strictObject({
  node,
  pods,
  allocations,
  pools,
  nodeConfig,
  routes,
  state,
  reconcile,
  drain,
  bird,
  sysctl,
  observe,
});

export const agentConfigSchema = keys
  .refine(({ nodeConfig, pods }) => nodeConfig.source === 'file' || pods.source === 'kubernetes', {
    path: ['nodeConfig', 'source'],
    error: 'kubernetes needs pods.source: kubernetes',
  })
  .refine(({ nodeConfig, pools }) => nodeConfig.source === 'file' || pools.path === undefined, {
    path: ['pools', 'path'],
    error: 'can not be combined with nodeConfig.source: kubernetes, whose AnycastPools are in force',
  });

/** The configuration as the file has it, with the defaults of missing keys; `flock-anycast run --help` explains each. */
export type AgentConfig = z.output<typeof agentConfigSchema>;

/** The configuration with defaults of this machine filled in. */
export type ResolvedAgentConfig = AgentConfig & { node: { name: string } };

/**
 * @param text YAML or JSON
 * @param origin how messages name the text, usually its path
 * @throws FlockError FLOCK_CONFIG_INVALID naming every wrong key by its path, FLOCK_POOLS_MISSING
 */
export function parseAgentConfig(text: string, origin: string): ResolvedAgentConfig {
  const remedy = 'see `flock-anycast run --help` and the README for all keys';
  const config = parseYaml(text, { schema: agentConfigSchema, origin, code: 'FLOCK_CONFIG_INVALID', remedy });
  requirePools(config, origin);
  return { ...config, node: { name: config.node.name ?? (process.env.NODE_NAME || hostname()) } };
}

/**
 * Reads and parses the file at `file`.
 * @throws FlockError FLOCK_CONFIG_INVALID, also when the file can not be read
 */
export function loadAgentConfig(file: string): ResolvedAgentConfig {
  let text: string;
  try {
    text = readTextFile(file, longestFile.config);
  } catch (cause) {
    throw new FlockError('FLOCK_CONFIG_INVALID', `can not read ${file}: ${(cause as Error).message}`, {
      value: file,
      remedy: 'give the path of a readable configuration file with --config',
      cause,
    });
  }
  return parseAgentConfig(text, file);
}

/** Without pools, whoever may annotate a pod would get any address: that of the default gateway, too. */
function requirePools({ allocations, pools, nodeConfig }: AgentConfig, origin: string): void {
  if (allocations.source !== 'annotations' || nodeConfig.source === 'kubernetes') return;
  if (pools.path !== undefined) return;
  throw new FlockError(
    'FLOCK_POOLS_MISSING',
    `${origin}: allocations.source: annotations needs pools, which say who may use which address`,
    {
      value: allocations.source,
      remedy:
        'give a file of pools in pools.path (docs/allocations.md), or set nodeConfig.source: kubernetes and create AnycastPools',
    },
  );
}
