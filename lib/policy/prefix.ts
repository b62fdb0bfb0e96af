/** Address prefixes (CIDR). Pure. */
import { type Address, parseAddress } from '../base/address.ts';

export interface Prefix {
  /** Network order, bits beyond the length are 0: 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  /** Bits. */
  readonly length: number;
}

/**
 * @param text `ADDRESS/LENGTH` that a schema has validated
 * @throws FlockError FLOCK_ADDRESS_INVALID for an invalid address
 */
export function parsePrefix(text: string): Prefix {
  const slash = text.lastIndexOf('/');
  return { bytes: parseAddress(text.slice(0, slash)).bytes, length: Number(text.slice(slash + 1)) };
}

/** Whether the address is of the prefix's family and in it. */
export function isWithin({ bytes: address }: Address, { bytes, length }: Prefix): boolean {
  if (address.length !== bytes.length) return false;
  const whole = length >> 3;
  for (let index = 0; index < whole; index++) if (address[index] !== bytes[index]) return false;
  const mask = 0xff00 >> (length & 7);
  return (((address[whole] ?? 0) ^ (bytes[whole] ?? 0)) & mask & 0xff) === 0;
}
