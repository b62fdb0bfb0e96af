/**
 * The custom resource NodeConfig: what the node config has, any part of it, and what only a cluster has.
 *
 * A node's own is laid over the one named `default`. Neither has defaults of its own, for a default filled in
 * would be laid over what the other one says: the node config's schema fills them in when both are one.
 */
import { z } from 'zod';
import { describeIssues } from '../base/describe-issues.ts';
import { FlockError } from '../base/errors.ts';
import { prefix } from './address-schema.ts';
import { type NodeConfig, nodeConfigKeys, nodeConfigSchema } from './node-config.ts';

const milliseconds = z.int().min(0).max(86_400_000);

export const nodeConfigSpecSchema = z.strictObject({
  bgp: z
    .strictObject({
      localAsn: nodeConfigKeys.localAsn.optional(),
      routerId: nodeConfigKeys.routerId.optional(),
      peers: nodeConfigKeys.peers.optional(),
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
      'Addresses that can never be anycast: nodes, pods, services, routers. No AnycastPool is honoured before the NodeConfig named `default` sets it; that of a node adds to it.',
    ),
  drain: z
    .strictObject({
      terminatingMs: milliseconds
        .optional()
        .describe('How long a terminating pod that still serves is forwarded to after its withdrawal.'),
      longestMs: milliseconds
        .optional()
        .describe('The longest a pod may ask for by the annotation flock-anycast.io/drain-seconds.'),
      notReadyMs: milliseconds
        .optional()
        .describe('The same for a pod that is not Ready but not terminating.'),
    })
    .optional()
    .describe("Over the agent's own configuration."),
});

/** As somebody wrote it: the schema accepts it, nothing is filled in nor spelled anew. */
export type NodeConfigSpec = z.input<typeof nodeConfigSpecSchema>;

/** A node's whole config in a cluster. */
export interface ClusterNodeConfig extends NodeConfig {
  /** Undefined while the `default` one does not say. */
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
 * Lays a node's own spec over the default one: key by key, a list as a whole; but `reserved` of the two together,
 * since a node may only add to it.
 *
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID when the two make no whole node config
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

/** Without the keys that are there and undefined, which would cover what lies beneath. */
function present<T extends object>(value: T | undefined): Partial<T> {
  const entries = Object.entries(value ?? {}).filter(([, each]) => each !== undefined && each !== null);
  return Object.fromEntries(entries) as Partial<T>;
}

function invalid(origin: string, why: string, value: unknown): FlockError {
  return new FlockError('FLOCK_NODE_CONFIG_INVALID', `${origin}: ${why}`, {
    value,
    remedy: 'correct the keys named; what was good before stays in force',
  });
}
