/** A BGP peer of the node config. */
import { join } from 'node:path';
import { z } from 'zod';
import { parseAddress } from '../base/address.ts';
import { parsedOrIssue, rangeOf } from './address-schema.ts';
import { community } from './community.ts';

/** Where manifests mount the Secret `flock-anycast-bgp`, a file for each of its keys. */
export const passwordFolder = '/etc/flock-anycast-bgp';

/** AS 0 (RFC 7607), AS_TRANS (RFC 6793) and the last of each range (RFC 7300) are never assigned. */
const reservedAsns = new Set([0, 23456, 65535, 0xffffffff]);

export const asn = z
  .int()
  .min(1)
  .max(0xffffffff)
  .refine(value => !reservedAsns.has(value), {
    error: 'is a reserved ASN (0, 23456, 65535, 4294967295)',
  });

/** No spelling of an address is longer. */
const address = z
  .string()
  .max(45)
  .transform((text, context): string => {
    const parsed = parsedOrIssue(text, context);
    if (parsed === undefined) return z.NEVER;
    const range = rangeOf(parsed);
    if (['unspecified', 'multicast', 'broadcast'].includes(range)) {
      context.addIssue({ code: 'custom', message: `${text} is a ${range} address` });
      return z.NEVER;
    }
    return parsed.text;
  });

/** A subset of what the kernel allows in a name (dev_valid_name) and of what BIRD accepts within quotes. */
const interfaceName = z
  .string()
  .max(15)
  .regex(
    /^(?!\.{1,2}$)[A-Za-z0-9_.@-]{1,15}$/,
    'must be an interface name: 1 to 15 letters, digits, or _ . @ -',
  );

const family = z.enum(['ipv4', 'ipv6']);

export const peer = z
  .strictObject({
    name: z
      .string()
      .max(32)
      .regex(
        /^[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?$/,
        'must be 1 to 32 letters, digits, _ or -, beginning and ending with a letter or digit',
      )
      .describe('Its name in BIRD is `peer_` and this name.'),
    address: address.describe('IPv4 or IPv6; a link-local address requires `interface`.'),
    interface: interfaceName
      .optional()
      .describe('The interface to the peer; required for a link-local address.'),
    asn: asn.describe("The peer's ASN; equal to localAsn for iBGP."),
    port: z.int().min(1).max(65535).default(179),
    passwordFile: z
      .string()
      .max(1024)
      .startsWith('/', 'must be an absolute path')
      .optional()
      .describe(
        'A file with the TCP MD5 password (RFC 2385), one line. Only in a node config that is a file: in a NodeConfig a password is a key of the Secret, passwordKey.',
      ),
    passwordKey: z
      .string()
      .max(253)
      .regex(/^(?!\.{1,2}$)[-._A-Za-z0-9]+$/, 'must be a key of a Secret: letters, digits, - _ .')
      .optional()
      .describe(
        `A key of the Secret flock-anycast-bgp with the password; the Secret is mounted at ${passwordFolder}.`,
      ),
    multihop: z
      .int()
      .min(1)
      .max(255)
      .optional()
      .describe('The most hops to the peer. Default: the peer is on a link of this node.'),
    sourceAddress: address
      .optional()
      .describe(
        "The node's own address of the session, of the same family as the peer's address. Default: the kernel chooses.",
      ),
    bfd: z
      .boolean()
      .default(false)
      .describe(
        'Detect within a second that the peer is unreachable (RFC 5880). The peer must enable it, too; it takes a restart of BIRD for a failure unless it is configured not to (BIRD: bfd graceful).',
      ),
    gracefulRestart: z
      .strictObject({
        enabled: z.boolean().default(true),
        seconds: z
          .int()
          .min(1)
          .max(4095)
          .default(30)
          .describe('How long the peer keeps the routes of this node during a restart, in seconds.'),
      })
      .prefault({})
      .describe('The peer still forwards while BIRD restarts (RFC 4724).'),
    communities: z
      .array(community)
      .max(64)
      .prefault([])
      .transform(communities => [...new Set(communities)])
      .describe('Added to each announcement: 64512:100 (RFC 1997), or 64512:1:2 (RFC 8092).'),
    passive: z.boolean().default(false).describe('Wait for the peer to connect instead of connecting.'),
    importLimit: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(10_000)
      .describe(
        'The most routes taken from this peer in each family. What it sends beyond that is not imported; the session stays.',
      ),
    importDefaultRoute: z
      .boolean()
      .default(true)
      .describe(
        "Whether a default route of this peer is imported; in the kernel it may replace the node's own.",
      ),
    families: z
      .array(family)
      .min(1)
      .max(8)
      .optional()
      .describe(
        "Address families of the routes exchanged. Default: the family of the peer's address; both with extendedNextHop.",
      ),
    extendedNextHop: z
      .boolean()
      .default(false)
      .describe('Exchange IPv4 routes with IPv6 next hops (RFC 8950); requires an IPv6 session.'),
  })
  .superRefine((value, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const isIpv6 = value.address.includes(':');
    const isLinkLocal = isIpv6 && rangeOf(parseAddress(value.address)) === 'linkLocal';
    if (isLinkLocal && value.interface === undefined) {
      wrong('interface', `is needed with the link-local address ${value.address}`);
    }
    const { sourceAddress } = value;
    if (sourceAddress !== undefined && sourceAddress.includes(':') !== isIpv6) {
      wrong('sourceAddress', `is of another family than the peer's address ${value.address}`);
    }
    if (value.passwordFile !== undefined && value.passwordKey !== undefined) {
      wrong('passwordKey', 'can not be combined with passwordFile: set one of them');
    }
    if (value.multihop !== undefined && value.interface !== undefined) {
      wrong('multihop', 'can not be combined with interface: a peer on a link is not several hops away');
    }
    if (value.extendedNextHop && !isIpv6) {
      wrong('extendedNextHop', `needs an IPv6 session, ${value.address} is IPv4`);
    }
    if (value.extendedNextHop && value.families?.includes('ipv4') === false) {
      wrong('extendedNextHop', 'needs ipv4 in `families`');
    }
  })
  .transform(value => ({
    ...value,
    ...(value.passwordKey !== undefined && { passwordFile: join(passwordFolder, value.passwordKey) }),
    families: [...new Set(value.families ?? defaultFamilies(value))].sort(),
  }));

export type Peer = z.output<typeof peer>;

function defaultFamilies({
  address,
  extendedNextHop,
}: {
  address: string;
  extendedNextHop: boolean;
}): z.output<typeof family>[] {
  if (extendedNextHop) return ['ipv4', 'ipv6'];
  return [address.includes(':') ? 'ipv6' : 'ipv4'];
}
