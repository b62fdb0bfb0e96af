/**
 * What BGP needs to know of this node: its ASN, its peers, the prefixes of its own.
 *
 * Everything here ends in BIRD's configuration, which has no way to quote; so nothing is accepted that could
 * mean more than it says. Numbers are numbers, addresses are parsed and written anew, names have narrow alphabets.
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

/** Each key by itself, without its default: a file has all of them, of two custom resources each has some. */
export const nodeConfigKeys = {
  localAsn: asn.describe("This node's ASN."),
  routerId: routerId.describe("An IPv4 address of the node's own, as an identifier."),
  peers: z
    .array(peer)
    .max(64)
    .superRefine((peers, context) => {
      refuseTwice(peers, 'name', one => one.name.toLowerCase(), context);
      refuseTwice(peers, 'address', one => `${one.address}%${one.interface ?? ''}`, context);
    }),
  draining: z.boolean().describe('Withdraw every anycast address of this node, and forward on.'),
  prefixes: z
    .array(prefix)
    .max(1024)
    .transform(prefixes => [...new Set(prefixes)].sort())
    .describe("Prefixes of the node's own that are announced always, such as its pod CIDRs."),
  birdMode: z
    .enum(['learn', 'filter'])
    .describe(
      "In place of the agent's own bird.mode. A change may withdraw the node's addresses for a moment.",
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

export interface NodeConfigCacheOptions {
  path: string;
  log: Log;
  /** Milliseconds between two looks when no event comes. */
  pollMs?: number;
}

/** Where the node config comes from, as its users see it. */
export interface NodeConfigSource {
  /** The last good one; undefined until there was one. */
  snapshot(): NodeConfig | undefined;
  /** Calls `listener` after each new good one. The function returned takes it off again. */
  onChange(listener: () => void): () => void;
  start(): void;
  stop(): void;
}

/** The node config as it last was good. Undefined until it once was: BIRD is then left alone. */
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
      context.addIssue({ code: 'custom', path: [index, key], message: 'is there twice' });
    }
    seen.add(id);
  });
}
