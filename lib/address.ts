/**
 * IP addresses: any legal spelling in, one canonical form out.
 *
 * Text is RFC 5952 for people and for map keys; bytes are network order for the kernel.
 */
import ipaddr from 'ipaddr.js';
import { FlockError } from './errors.ts';

export type Family = 4 | 6;

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
  const isIpv4 = ipaddr.IPv4.isValidFourPartDecimal(text);
  if (!isIpv4 && (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text))) {
    throw new FlockError('FLOCK_ADDRESS_INVALID', `${JSON.stringify(text)} is not an IP address`, {
      value: text,
      remedy:
        'write an IPv4 address as 192.0.2.1, an IPv6 address as 2001:db8::1, without prefix length or zone',
    });
  }
  const parsed = ipaddr.process(text);
  const bytes = Uint8Array.from(parsed.toByteArray());
  return {
    family: parsed.kind() === 'ipv4' ? 4 : 6,
    bytes,
    text: parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString(),
  };
}

/** The address in network-order bytes (4 or 16) as canonical text. */
export function formatAddress(bytes: Uint8Array): string {
  const parsed = ipaddr.fromByteArray([...bytes]);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}

/** The host prefix of an address: `/32` or `/128`. */
export function destinationOf(address: Address): Destination {
  return `${address.text}/${address.family === 4 ? 32 : 128}`;
}

/** Splits a destination made by `destinationOf` into its address. */
export function addressOf(destination: Destination): Address {
  return parseAddress(destination.slice(0, destination.lastIndexOf('/')));
}

/**
 * Why an address can be no anycast destination, or undefined when it can: only global or private unicast
 * forwards between hosts (RFC 6890).
 */
export function whyNotAnycast(address: Address): string | undefined {
  const range = ipaddr.fromByteArray([...address.bytes]).range();
  const refused: Record<string, string> = {
    unspecified: 'the unspecified address',
    broadcast: 'the broadcast address',
    multicast: 'a multicast address',
    linkLocal: 'a link-local address',
    loopback: 'a loopback address',
  };
  return refused[range];
}
