/**
 * The BGP settings of this node: its ASN, its peers, its own prefixes.
 *
 * All of it is written into BIRD's configuration, which has no quoting for most values; so nothing is accepted
 * that BIRD could read as syntax. Numbers are numbers, addresses are parsed and formatted again, names have small
 * alphabets.
 */
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import type { Log } from '../base/log.ts';
import { WatchedFile } from '../base/watched-file.ts';
import { prefix } from './address-schema.ts';
import { parseYaml } from './parse-yaml.ts';
import { asn, peer } from './peer.ts';

const routerId = z
  .string()
  .max(15)
  .refine(text => ipaddr.IPv4.isValidFourPartDecimal(text) && text !== '0.0.0.0', {
    error: 'must be an IPv4 address in dotted form, not 0.0.0.0',
  })
  .transform(text => ipaddr.IPv4.parse(text).toString());

/** Each key without its default: a file has all of them, a custom resource only some. */
export const nodeConfigKeys = {
  localAsn: asn.describe("This node's ASN."),
  routerId: routerId.describe('The BGP identifier: an IPv4 address of this node.'),
  peers: z
    .array(peer)
    .max(64)
    .superRefine((peers, context) => {
      refuseTwice(peers, 'name', one => one.name.toLowerCase(), context);
      refuseTwice(peers, 'address', one => `${one.address}%${one.interface ?? ''}`, context);
    }),
  draining: z.boolean().describe('Withdraw every anycast address of this node, and still forward.'),
  prefixes: z
    .array(prefix)
    .max(1024)
    .transform(prefixes => [...new Set(prefixes)].sort())
    .describe(
      "The node's own prefixes, such as its pod CIDRs; always announced. Addresses of them that have no route are answered by an unreachable route, so do not list services.",
    ),
  birdMode: z
    .enum(['learn', 'filter'])
    .describe(
      "Replaces bird.mode of the agent's configuration. A change may withdraw the node's addresses for a moment.",
    ),
};

export const nodeConfigSchema = z.strictObject({
  bgp: z.strictObject({
    localAsn: nodeConfigKeys.localAsn,
    routerId: nodeConfigKeys.routerId,
    peers: nodeConfigKeys.peers.prefault([]),
  }),
  node: z.strictObject({ draining: nodeConfigKeys.draining.default(false) }).prefault({}),
  advertise: z.strictObject({ prefixes: nodeConfigKeys.prefixes.prefault([]) }).prefault({}),
  bird: z.strictObject({ mode: nodeConfigKeys.birdMode.optional() }).prefault({}),
});

/** A valid node config, with the defaults of missing keys; the README has an example. */
export type NodeConfig = z.output<typeof nodeConfigSchema>;

/**
 * @param text YAML or JSON
 * @param origin how messages name the text, usually its path
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID naming every wrong key by its path
 */
export function parseNodeConfig(text: string, origin: string): NodeConfig {
  const remedy = 'correct the keys named; the README has an example';
  return parseYaml(text, { schema: nodeConfigSchema, origin, code: 'FLOCK_NODE_CONFIG_INVALID', remedy });
}

/** Which file is followed. */
export interface NodeConfigCacheOptions {
  path: string;
  log: Log;
  /** Milliseconds between two polls, which find what no event reported. */
  pollMs?: number;
}

/** A source of the node config. */
export interface NodeConfigSource {
  /** The last good one; undefined until there was one. */
  snapshot(): NodeConfig | undefined;
  /** Calls `listener` after each new good one. The function returned unsubscribes it. */
  onChange(listener: () => void): () => void;
  start(): void;
  stop(): void;
}

/** The last good node config of a file. Until there was one, BIRD is not configured. */
export class NodeConfigCache extends WatchedFile<NodeConfig> implements NodeConfigSource {
  constructor({ path, ...rest }: NodeConfigCacheOptions) {
    super({
      ...rest,
      path,
      what: 'node config',
      invalid: 'FLOCK_NODE_CONFIG_INVALID',
      parse: text => parseNodeConfig(text, path),
    });
  }
}

function refuseTwice<T>(
  items: T[],
  key: string,
  identity: (item: T) => string,
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const id = identity(item);
    if (seen.has(id)) {
      context.addIssue({ code: 'custom', path: [index, key], message: 'is a duplicate' });
    }
    seen.add(id);
  });
}
