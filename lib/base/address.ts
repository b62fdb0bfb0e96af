/**
 * IP addresses: any legal spelling in, one canonical form out.
 *
 * Text is RFC 5952 for people and for map keys; bytes are network order for the kernel.
 */
import { ipv4BytesOf, ipv6BytesOf, textOfBytes } from './address-text.ts';
import { FlockError } from './errors.ts';
import { quoted, shortened } from './quoted.ts';

export type Family = 4 | 6;

export const bothFamilies: ReadonlySet<Family> = new Set([4, 6]);

export interface Address {
  readonly family: Family;
  /** Network order: 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  /** Canonical text: dotted decimal, or RFC 5952. */
  readonly text: string;
}

/** An anycast host prefix as canonical text, such as `192.0.2.53/32` or `2001:db8::53/128`. */
export type Destination = string;

/**
 * @param text an IPv4 or IPv6 address in any legal spelling (RFC 4291 2.2); an IPv4-mapped IPv6 address
 *   (`::ffff:192.0.2.1`) is the IPv4 address it stands for
 * @throws FlockError FLOCK_ADDRESS_INVALID for anything else, zones and the BSD short forms (`10.1`) included
 */
export function parseAddress(text: string): Address {
  const plain = ipv4BytesOf(text) ?? ipv6BytesOf(text) ?? bytesOfMixedSpelling(text);
  if (plain === undefined) throw notAnAddress(text);
  const bytes = isMapped(plain) ? plain.slice(12) : plain;
  return { family: bytes.length === 4 ? 4 : 6, bytes, text: textOfBytes(bytes) };
}

/** The address in network-order bytes (4 or 16) as canonical text. */
export function formatAddress(bytes: Uint8Array): string {
  return textOfBytes(bytes);
}

/** The host prefix of an address: `/32` or `/128`. */
export function destinationOf(address: Address): Destination {
  return `${address.text}/${address.family === 4 ? 32 : 128}`;
}

export function familyOf(destination: Destination): Family {
  return destination.includes(':') ? 6 : 4;
}

/** Splits a destination made by `destinationOf` into its address. */
export function addressOf(destination: Destination): Address {
  const text = destination.slice(0, destination.lastIndexOf('/'));
  const bytes = ipv4BytesOf(text) ?? ipv6BytesOf(text) ?? parseAddress(text).bytes;
  return { family: bytes.length === 4 ? 4 : 6, bytes, text };
}

/**
 * Why an address can not be an anycast destination; undefined when it can. Only global and private unicast
 * addresses are forwarded between hosts (RFC 6890).
 */
export function whyNotAnycast({ bytes }: Address): string | undefined {
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 4) {
    if (first === 0) return 'the unspecified address';
    if (first === 127) return 'a loopback address';
    if (first === 169 && second === 254) return 'a link-local address';
    if (first >= 224 && first < 240) return 'a multicast address';
    return bytes.every(byte => byte === 255) ? 'the broadcast address' : undefined;
  }
  if (first === 0xff) return 'a multicast address';
  if (first === 0xfe && (second & 0xc0) === 0x80) return 'a link-local address';
  if (first !== 0 || bytes.some((byte, at) => at < 15 && byte !== 0)) return undefined;
  if (bytes[15] === 0) return 'the unspecified address';
  return bytes[15] === 1 ? 'a loopback address' : undefined;
}

/** Such as `::ffff:192.0.2.1`. */
function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[0] !== 0 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  return bytes.every((byte, at) => at >= 10 || byte === 0);
}

/**
 * Rare but legal (RFC 4291 2.2): the last four bytes in the spelling of an IPv4 address. They are bytes like others:
 * `::192.0.2.1` is `::c000:201`, an IPv6 address. The IPv4 part has no leading zeros, which some read as octal.
 */
function bytesOfMixedSpelling(text: string): Uint8Array | undefined {
  const colon = text.lastIndexOf(':');
  const four = colon < 0 ? undefined : ipv4BytesOf(text.slice(colon + 1));
  if (four === undefined) return undefined;
  const [a, b] = [
    [four[0], four[1]],
    [four[2], four[3]],
  ].map(([high = 0, low = 0]) => ((high << 8) | low).toString(16));
  return ipv6BytesOf(`${text.slice(0, colon + 1)}${a}:${b}`);
}

function notAnAddress(text: string): FlockError {
  return new FlockError('FLOCK_ADDRESS_INVALID', `${quoted(text)} is not an IP address`, {
    value: shortened(text),
    remedy:
      'write an IPv4 address as 192.0.2.1, an IPv6 address as 2001:db8::1, without prefix length or zone',
  });
}
