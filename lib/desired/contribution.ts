/**
 * What one pod's allocation adds to the desired set. Pure.
 */
import {
  addressOf,
  type Destination,
  destinationOf,
  type Family,
  parseAddress,
  whyNotAnycast,
} from '../base/address.ts';
import { FlockError } from '../base/errors.ts';
import { shortened } from '../base/quoted.ts';
import type { AllocationView, Nexthop, ResolveWarning } from './views.ts';

/** The destinations that an allocation asks for, whether or not its pod serves them. */
interface Asked {
  /** The addresses as they were written. */
  readonly texts: readonly string[];
  readonly 4: ReadonlySet<Destination>;
  readonly 6: ReadonlySet<Destination>;
  readonly warnings: readonly ResolveWarning[];
}

/** A pod's nexthop of one family, and all its destinations of that family. */
export interface Part {
  readonly nexthop: Nexthop;
  readonly destinations: ReadonlySet<Destination>;
}

/** What one pod adds to the desired set, by family. */
export interface Contribution {
  readonly 4: Part | undefined;
  readonly 6: Part | undefined;
  readonly warnings: readonly ResolveWarning[];
  readonly asked: Asked;
}

/**
 * @param key `namespace/name` of the pod
 * @param weight of the pod's nexthops
 * @param before an earlier contribution of the same pod: if the same was asked for, its sets are used again
 * @returns the pod's part in each family, whether or not it is eligible
 */
export function contributionOf(
  key: string,
  allocation: AllocationView,
  weight = 1,
  before?: Contribution,
): Contribution {
  const asked =
    before !== undefined && asksFor(allocation, before.asked) ? before.asked : askedIn(key, allocation);
  const warnings = [...asked.warnings];
  const via = nexthopsOf(key, allocation, weight, warnings);
  const partOf = (family: Family): Part | undefined => {
    const nexthop = via[family];
    const destinations = asked[family];
    if (destinations.size === 0) return undefined;
    if (nexthop !== undefined) return { nexthop, destinations };
    for (const destination of destinations) warnings.push(withoutNexthop(key, destination, family));
    return undefined;
  };
  return { 4: partOf(4), 6: partOf(6), warnings, asked };
}

/** The parts of both families, without absent ones. */
export function partsOf({ 4: four, 6: six }: Pick<Contribution, 4 | 6>): Part[] {
  return [four, six].filter(part => part !== undefined);
}

/** Whether an allocation asks for the same addresses, text by text. */
function asksFor({ anycast, addresses }: AllocationView, { texts }: Asked): boolean {
  if (texts.length !== anycast.length + addresses.length) return false;
  return texts.every((text, at) => text === (anycast[at] ?? addresses[at - anycast.length]));
}

function askedIn(key: string, allocation: AllocationView): Asked {
  const texts = [...allocation.anycast, ...allocation.addresses];
  const destinations = { 4: new Set<Destination>(), 6: new Set<Destination>() };
  const warnings: ResolveWarning[] = [];
  for (const text of texts) {
    const address = parseOrWarn(key, 'anycast address', text, warnings);
    if (address === undefined) continue;
    const refusal = whyNotAnycast(address);
    if (refusal === undefined) destinations[address.family].add(destinationOf(address));
    else
      warnings.push({
        key,
        value: shortened(text),
        message: `${shortened(text)} is ${refusal} and can not be anycast`,
        remedy: 'give the pod a global or private unicast address',
      });
  }
  return { texts, ...destinations, warnings };
}

function withoutNexthop(key: string, destination: Destination, family: Family): ResolveWarning {
  const { text } = addressOf(destination);
  return {
    key,
    value: text,
    message: `${text} has no nexthop: the pod has no usable unicast IPv${family} address`,
    remedy: `give the pod an IPv${family} address, or remove ${text} from its anycast addresses`,
  };
}

/** The pod's nexthop by family; undefined where the pod has no usable unicast address. */
function nexthopsOf(
  key: string,
  allocation: AllocationView,
  weight: number,
  warnings: ResolveWarning[],
): Record<Family, Nexthop | undefined> {
  const via: Record<Family, Nexthop | undefined> = { 4: undefined, 6: undefined };
  const { hostInterface, onlink = false } = allocation;
  for (const [family, text] of [
    [4, allocation.ipv4],
    [6, allocation.ipv6],
  ] as const) {
    if (text === undefined || text === null || text === '') continue;
    const address = parseOrWarn(key, `unicast IPv${family} address`, text, warnings);
    if (address === undefined) continue;
    if (address.family === family) {
      via[family] = { interface: hostInterface, via: address.text, weight, ...(onlink && { onlink }) };
    } else {
      warnings.push({
        key,
        value: shortened(text),
        message: `${shortened(text)} is given as the pod's IPv${family} address, and is no IPv${family} address`,
        remedy: `give it as ipv${address.family}`,
      });
    }
  }
  return via;
}

function parseOrWarn(key: string, what: string, text: string, warnings: ResolveWarning[]) {
  try {
    return parseAddress(text);
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const remedy = error.remedy ?? 'correct the address';
    warnings.push({ key, value: shortened(text), message: `${what} of ${key}: ${error.message}`, remedy });
    return undefined;
  }
}
