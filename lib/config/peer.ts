/** A BGP peer of the node config: what is accepted, and what it becomes. */
import { join } from 'node:path';
import { z } from 'zod';
import { parseAddress } from '../base/address.ts';
import { parsedOrIssue, rangeOf } from './address-schema.ts';
import { community } from './community.ts';

/** Where manifests mount the Secret `flock-anycast-bgp`, a file for each of its keys. */
export const passwordFolder = '/etc/flock-anycast-bgp';

/** AS 0 (RFC 7607), AS_TRANS (RFC 6793) and the last of each range (RFC 7300) are nobody's. */
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

/** What the kernel allows in a name (dev_valid_name) and BIRD can read within quotes, less than either. */
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
      .describe('Its name in BIRD is this behind `peer_`.'),
    address: address.describe('IPv4 or IPv6; a link-local one needs `interface`.'),
    interface: interfaceName
      .optional()
      .describe('The interface the peer is on; needed for a link-local address.'),
    asn: asn.describe("The peer's ASN; our own for iBGP."),
    port: z.int().min(1).max(65535).default(179),
    passwordFile: z
      .string()
      .max(1024)
      .startsWith('/', 'must be an absolute path')
      .optional()
      .describe('A file with the TCP MD5 password (RFC 2385), one line.'),
    passwordKey: z
      .string()
      .max(253)
      .regex(/^(?!\.{1,2}$)[-._A-Za-z0-9]+$/, 'must be a key of a Secret: letters, digits, - _ .')
      .optional()
      .describe(`The same from a key of the Secret flock-anycast-bgp, mounted at ${passwordFolder}.`),
    multihop: z
      .int()
      .min(1)
      .max(255)
      .optional()
      .describe('Hops to the peer, at most. Default: it is on a link of this node.'),
    sourceAddress: address
      .optional()
      .describe(
        "The node's own address of the session, of the peer address's family. Default: the kernel's choice.",
      ),
    bfd: z
      .boolean()
      .default(false)
      .describe(
        'Notice within a second that the peer is no longer reached (RFC 5880); the peer has to want it too, and takes a restart of BIRD for a loss unless it is told not to (BIRD: bfd graceful).',
      ),
    gracefulRestart: z
      .strictObject({
        enabled: z.boolean().default(true),
        seconds: z
          .int()
          .min(1)
          .max(4095)
          .default(30)
          .describe('How long the peer may keep our routes meanwhile.'),
      })
      .prefault({})
      .describe('The peer sends on while BIRD restarts (RFC 4724).'),
    communities: z
      .array(community)
      .max(64)
      .prefault([])
      .transform(communities => [...new Set(communities)])
      .describe('Added to what is announced: 64512:100 (RFC 1997), or 64512:1:2 (RFC 8092).'),
    passive: z.boolean().default(false).describe('Wait for the peer to connect instead of connecting.'),
    families: z
      .array(family)
      .min(1)
      .max(8)
      .optional()
      .describe("What is exchanged. Default: the address's own family; both with extendedNextHop."),
    extendedNextHop: z
      .boolean()
      .default(false)
      .describe('IPv4 routes with IPv6 next hops (RFC 8950), on an IPv6 session.'),
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
      wrong('passwordKey', 'goes with no passwordFile: say one of them');
    }
    if (value.multihop !== undefined && value.interface !== undefined) {
      wrong('multihop', 'goes with no interface: the peer is on that link, or it is hops away');
    }
    if (value.extendedNextHop && !isIpv6) {
      wrong('extendedNextHop', `needs an IPv6 session, ${value.address} is IPv4`);
    }
    if (value.extendedNextHop && value.families?.includes('ipv4') === false) {
      wrong('extendedNextHop', 'is about IPv4 routes, which `families` leaves out');
    }
  })
  .transform(({ passwordKey, ...value }) => ({
    ...value,
    ...(passwordKey !== undefined && { passwordFile: join(passwordFolder, passwordKey) }),
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
