/**
 * The custom resource NodeConfig: any part of the node config, and settings that only a cluster has.
 *
 * A node's own is merged over the one named `default`. Neither has default values, because these would replace
 * what the other one sets: the node config's schema fills them in after the merge.
 */
import { z } from 'zod';
import { describeIssues } from '../base/describe-issues.ts';
import { FlockError } from '../base/errors.ts';
import { prefix } from './address-schema.ts';
import { type NodeConfig, nodeConfigKeys, nodeConfigSchema } from './node-config.ts';
import type { Peer } from './peer.ts';

/** Whoever may write a NodeConfig would have every node read any of its files. */
function refusePasswordFiles(peers: readonly Peer[], context: z.RefinementCtx): void {
  for (const [index, { passwordFile, passwordKey }] of peers.entries()) {
    if (passwordFile === undefined || passwordKey !== undefined) continue;
    const message =
      'is only for a node config in a file: put the password into the Secret, and name passwordKey';
    context.addIssue({ code: 'custom', path: [index, 'passwordFile'], message });
  }
}

const milliseconds = z.int().min(0).max(86_400_000);

export const nodeConfigSpecSchema = z.strictObject({
  bgp: z
    .strictObject({
      localAsn: nodeConfigKeys.localAsn.optional(),
      routerId: nodeConfigKeys.routerId.optional(),
      peers: nodeConfigKeys.peers.superRefine(refusePasswordFiles).optional(),
    })
    .optional(),
  node: z.strictObject({ draining: nodeConfigKeys.draining.optional() }).optional(),
  advertise: z.strictObject({ prefixes: nodeConfigKeys.prefixes.optional() }).optional(),
  bird: z.strictObject({ mode: nodeConfigKeys.birdMode.optional() }).optional(),
  reserved: z
    .array(prefix)
    .max(1024)
    .optional()
    .describe(
      'Addresses that can never be anycast: of nodes, pods, services, routers. No AnycastPool is in force before the NodeConfig named `default` sets it; the NodeConfig of a node adds to it.',
    ),
  drain: z
    .strictObject({
      terminatingMs: milliseconds
        .optional()
        .describe(
          'How long traffic is still forwarded to a terminating pod that serves, after the withdrawal, in milliseconds.',
        ),
      longestMs: milliseconds
        .optional()
        .describe(
          'The longest drain that the annotation flock-anycast.io/drain-seconds of a pod can request, in milliseconds.',
        ),
      notReadyMs: milliseconds
        .optional()
        .describe('Like terminatingMs, for a pod that is not Ready but not terminating.'),
    })
    .optional()
    .describe("Replaces these keys of the agent's own configuration."),
});

/** As its author wrote it: valid, without defaults filled in, in its original spelling. */
export type NodeConfigSpec = z.input<typeof nodeConfigSpecSchema>;

/** A node's whole config in a cluster. */
export interface ClusterNodeConfig extends NodeConfig {
  /** Undefined while the `default` one does not set it. */
  readonly reserved: readonly string[] | undefined;
  readonly drain: Readonly<z.output<typeof nodeConfigSpecSchema>['drain']>;
}

const manifestSchema = z.object({
  metadata: z.object({ name: z.string().min(1), generation: z.int().optional() }),
  spec: z.unknown(),
});

/**
 * @param object a NodeConfig of any shape
 * @param origin how messages name it, such as `NodeConfig node-a`
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID naming every wrong key by its path
 */
export function nodeConfigSpecOf(object: unknown, origin: string): NodeConfigSpec {
  const manifest = manifestSchema.safeParse(object);
  if (!manifest.success) throw invalid(origin, describeIssues(manifest.error), object);
  const spec = manifest.data.spec ?? {};
  const result = nodeConfigSpecSchema.safeParse(spec);
  if (!result.success) throw invalid(origin, `spec: ${describeIssues(result.error)}`, spec);
  return spec as NodeConfigSpec;
}

/**
 * Merges a node's own spec over the default one, key by key. A list replaces the other one, except that `reserved`
 * is both together, since a node may only add to it.
 *
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID when the two together are not a complete node config
 */
export function mergeNodeConfig(
  base: NodeConfigSpec | undefined,
  own: NodeConfigSpec | undefined,
  origin: string,
): ClusterNodeConfig {
  const merged = {
    bgp: { ...present(base?.bgp), ...present(own?.bgp) },
    node: { ...present(base?.node), ...present(own?.node) },
    advertise: { ...present(base?.advertise), ...present(own?.advertise) },
    bird: { ...present(base?.bird), ...present(own?.bird) },
  };
  const result = nodeConfigSchema.safeParse(merged);
  if (!result.success) throw invalid(origin, describeIssues(result.error), merged);
  const reserved = base?.reserved && [...base.reserved, ...(own?.reserved ?? [])];
  const drain = { ...present(base?.drain), ...present(own?.drain) };
  return { ...result.data, reserved, drain };
}

/** Without the keys that are present but empty, which would replace those of the other one. */
function present<T extends object>(value: T | undefined): Partial<T> {
  const entries = Object.entries(value ?? {}).filter(([, each]) => each !== undefined && each !== null);
  return Object.fromEntries(entries) as Partial<T>;
}

function invalid(origin: string, why: string, value: unknown): FlockError {
  return new FlockError('FLOCK_NODE_CONFIG_INVALID', `${origin}: ${why}`, {
    value,
    remedy: 'correct the keys named; the last good one stays in force',
  });
}
