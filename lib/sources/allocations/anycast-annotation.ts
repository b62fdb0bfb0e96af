/** The anycast addresses that a pod requests by annotation. Pure. */
import { parseAddress, whyNotAnycast } from '../../base/address.ts';
import { quoted, shortened } from '../../base/quoted.ts';
import type { Pod } from '../pods/pod.ts';

export type AnnotationRefusal =
  | 'NotAnAddress'
  | 'SpecialPurpose'
  | 'TooManyAddresses'
  | 'HostNetwork'
  | 'NoWayToPod';

/** A request by annotation that is refused, and why. */
export interface Refusal {
  /** `namespace/name` of the pod. */
  readonly pod: string;
  /** Stable, for events and alerts. */
  readonly reason: AnnotationRefusal;
  readonly message: string;
  /** What is refused, in its original spelling. */
  readonly value: string;
  readonly remedy: string;
}

/** A reason without its pod. */
export type Reason = Omit<Refusal, 'pod'>;

/** More than a service needs. An annotation of 256 KiB could hold 20,000, each with a warning and a route. */
const mostAddresses = 64;

/** The longest text of an address (inet_ntop(3)); a longer one is truncated in messages. */
const longestAddress = 45;

/**
 * Reads lists such as `192.0.2.53, 2001:db8::53`: separated by commas or white space, in any legal spelling.
 *
 * @param keys annotations that are read, all together
 * @returns canonical addresses, each once, and what is wrong with the others; undefined when the pod has no such key
 */
export function addressesAskedFor(
  annotations: Pod['annotations'],
  keys: readonly string[],
): { addresses: string[]; reasons: Reason[] } | undefined {
  const present = keys.filter(key => Object.hasOwn(annotations, key));
  if (present.length === 0) return undefined;
  const addresses = new Set<string>();
  const reasons: Reason[] = [];
  for (const key of present) {
    for (const text of (annotations[key] ?? '').split(/[\s,]+/)) {
      if (text === '') continue;
      const { address, reason } = readOne(key, text);
      if (reason !== undefined) reasons.push(reason);
      else if (addresses.size < mostAddresses) addresses.add(address);
      else if (!addresses.has(address))
        return { addresses: [...addresses], reasons: [...reasons, tooMany(key, text)] };
      if (reasons.length >= mostAddresses) return { addresses: [...addresses], reasons };
    }
  }
  return { addresses: [...addresses], reasons };
}

function readOne(
  key: string,
  text: string,
): { address: string; reason?: never } | { address?: never; reason: Reason } {
  const value = shortened(text, longestAddress);
  let why: [AnnotationRefusal, string] = ['NotAnAddress', 'not an IP address'];
  try {
    const address = parseAddress(text);
    const special = whyNotAnycast(address);
    if (special === undefined) return { address: address.text };
    why = ['SpecialPurpose', special];
  } catch {
    // Not an address: see below.
  }
  const [reason, words] = why;
  const message = `annotation ${key}: ${quoted(text, longestAddress)} is ${words}`;
  const remedy =
    'write global or private unicast addresses, such as "192.0.2.53, 2001:db8::53"; the others are in force';
  return { reason: { reason, value, message, remedy } };
}

function tooMany(key: string, value: string): Reason {
  const message = `annotation ${key}: ${shortened(value, longestAddress)} and the following addresses exceed the limit of ${mostAddresses}`;
  return {
    reason: 'TooManyAddresses',
    value: shortened(value, longestAddress),
    message,
    remedy: `request ${mostAddresses} addresses at most; the first ones are in force`,
  };
}
