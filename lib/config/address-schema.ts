/** Addresses and prefixes in the schemas of the configuration: any legal spelling in, the canonical one out. */
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Address, parseAddress } from '../base/address.ts';

/** `ADDRESS/LENGTH`, the longest is 49 characters. */
export const prefix = z
  .string()
  .max(49)
  .transform((text, context): string => {
    const [addressText = '', lengthText, ...rest] = text.split('/');
    const parsed = parsedOrIssue(addressText, context);
    if (parsed === undefined) return z.NEVER;
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    const bits = parsed.bytes.length * 8;
    const length = /^\d{1,3}$/.test(lengthText ?? '') ? Number(lengthText) : 0;
    if (rest.length > 0 || length < 1 || length > bits) {
      return refuse(`${text} is not a prefix: write ADDRESS/1 to ADDRESS/${bits}`);
    }
    if (hasHostBits(parsed.bytes, length)) return refuse(`${text} has bits set beyond its length`);
    const range = rangeOf(parsed);
    if (['unspecified', 'multicast', 'broadcast', 'loopback', 'linkLocal'].includes(range)) {
      return refuse(`${text} is a ${range} prefix`);
    }
    return `${parsed.text}/${length}`;
  });

/** The address, or undefined with an issue that says what is wrong. */
export function parsedOrIssue(text: string, context: z.RefinementCtx): Address | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return undefined;
  }
}

/** The special-purpose range an address is in (RFC 6890), as ipaddr.js names it. */
export function rangeOf({ bytes }: Address): string {
  return ipaddr.fromByteArray([...bytes]).range();
}

function hasHostBits(bytes: Uint8Array, length: number): boolean {
  return bytes.some((byte, index) => {
    const networkBits = Math.min(Math.max(length - index * 8, 0), 8);
    return (byte & (0xff >> networkBits)) !== 0;
  });
}
