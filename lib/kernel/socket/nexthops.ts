/**
 * Sets of nexthops as the packed bytes of a route record, in canonical order: by interface number, then
 * gateway family, gateway, weight. Equal sets are equal bytes, so comparing needs no object.
 */
import { formatAddress } from '../../base/address.ts';
import type { LinkTable } from './link-table.ts';
import { AF_INET, AF_INET6, NexthopFlag, nexthopLength, nexthopOffsets } from './record-layout.ts';

export const emptyNexthops: Uint8Array = new Uint8Array(0);

/** A copy without what the kernel reports about state (dead, linkdown, offload). */
export function configuredNexthops(packed: Uint8Array): Uint8Array {
  const copy = packed.slice();
  for (let offset = nexthopOffsets.flags; offset < copy.length; offset += nexthopLength) {
    copy[offset] = (copy[offset] as number) & NexthopFlag.onlink;
  }
  return copy;
}

/** Whether two packed sets are the same nexthops. */
export function sameNexthops(left: Uint8Array, right: Uint8Array): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/**
 * Whether two runs of packed nexthops are configured alike: what the kernel alone reports (dead, linkdown, offload) is
 * not compared. They are compared where they lie, without an object for each.
 *
 * @param length of each run, in bytes
 */
export function configuredAlike(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let at = 0; at < length; at += nexthopLength)
    if (!isNexthopAlike(left, leftStart + at, right, rightStart + at)) return false;
  return true;
}

function isNexthopAlike(left: Uint8Array, leftStart: number, right: Uint8Array, rightStart: number): boolean {
  const { flags } = nexthopOffsets;
  for (let at = 0; at < nexthopLength; at++)
    if (at !== flags && left[leftStart + at] !== right[rightStart + at]) return false;
  const difference = (left[leftStart + flags] as number) ^ (right[rightStart + flags] as number);
  return (difference & NexthopFlag.onlink) === 0;
}

export function countNexthops(packed: Uint8Array): number {
  return packed.length / nexthopLength;
}

/** The nexthop at `index` as a set of its own; empty when there is none. */
export function pickNexthop(packed: Uint8Array, index: number): Uint8Array {
  return packed.subarray(index * nexthopLength, (index + 1) * nexthopLength);
}

export function intersectNexthops(left: Uint8Array, right: Uint8Array): Uint8Array {
  const others = new Set(splitNexthops(right).map(identityOf));
  return concatenate(splitNexthops(left).filter(nexthop => others.has(identityOf(nexthop))));
}

export function uniteNexthops(left: Uint8Array, right: Uint8Array): Uint8Array {
  const union = new Map(
    [...splitNexthops(left), ...splitNexthops(right)].map(nexthop => [identityOf(nexthop), nexthop]),
  );
  return concatenate([...union.values()].sort(compareNexthop));
}

/** The nexthops of `left` that are not in `right`, by interface and gateway. */
export function subtractNexthops(left: Uint8Array, right: Uint8Array): Uint8Array {
  const others = new Set(splitNexthops(right).map(identityOf));
  return concatenate(splitNexthops(left).filter(nexthop => !others.has(identityOf(nexthop))));
}

/** Whether a set has a nexthop of this interface and gateway. */
export function hasNexthop(packed: Uint8Array, interfaceIndex: number, gateway: Uint8Array): boolean {
  return splitNexthops(packed).some(nexthop => {
    const its = nexthop.subarray(nexthopOffsets.gateway, nexthopOffsets.gateway + gateway.length);
    return interfaceAt(nexthop, 0) === interfaceIndex && sameNexthops(its, gateway);
  });
}

/** The nexthops that do not lead through an interface, by its number. */
export function withoutInterface(packed: Uint8Array, index: number): Uint8Array {
  return concatenate(splitNexthops(packed).filter(nexthop => interfaceAt(nexthop, 0) !== index));
}

/** The interface numbers of a set. */
export function interfacesOf(packed: Uint8Array = emptyNexthops): number[] {
  return splitNexthops(packed).map(nexthop => interfaceAt(nexthop, 0));
}

/** The interface number of the nexthop that begins at byte `start`: for walking a set without an object each. */
export function interfaceAt(packed: Uint8Array, start: number): number {
  const at = start + nexthopOffsets.interfaceIndex;
  const low = (packed[at] as number) | ((packed[at + 1] as number) << 8);
  return (low | ((packed[at + 2] as number) << 16) | ((packed[at + 3] as number) << 24)) >>> 0;
}

/** `fd00::2%veth1a2b, fd00::3%veth3c4d weight 2` for people. */
export function describeNexthops(packed: Uint8Array, links: LinkTable): string {
  return splitNexthops(packed)
    .map(nexthop => {
      const view = new DataView(nexthop.buffer, nexthop.byteOffset, nexthop.byteLength);
      const length = { [AF_INET]: 4, [AF_INET6]: 16 }[view.getUint8(nexthopOffsets.gatewayFamily)] ?? 0;
      const gateway = nexthop.subarray(nexthopOffsets.gateway, nexthopOffsets.gateway + length);
      const name = links.nameOf(view.getUint32(nexthopOffsets.interfaceIndex, true));
      const weight = view.getUint16(nexthopOffsets.weight, true);
      return `${length === 0 ? '' : formatAddress(gateway)}%${name}${weight > 1 ? ` weight ${weight}` : ''}`;
    })
    .join(', ');
}

/** The nexthops of a set, each as a set of its own: views, not copies. */
export function splitNexthops(packed: Uint8Array): Uint8Array[] {
  return Array.from({ length: countNexthops(packed) }, (_, index) => pickNexthop(packed, index));
}

/** Interface and gateway: a nexthop whose weight alone changed is the same nexthop. */
export function identityOf(nexthop: Uint8Array): string {
  const { gatewayFamily, gateway } = nexthopOffsets;
  return `${interfaceAt(nexthop, 0)}/${nexthop[gatewayFamily]}/${nexthop.subarray(gateway).join('.')}`;
}

/**
 * Canonical order of two packed nexthops: negative, 0 or positive.
 *
 * @param leftStart, rightStart where each begins; default at the first byte
 */
export function compareNexthop(left: Uint8Array, right: Uint8Array, leftStart = 0, rightStart = 0): number {
  const byInterface = interfaceAt(left, leftStart) - interfaceAt(right, rightStart);
  if (byInterface !== 0) return byInterface;
  const { gatewayFamily, gateway } = nexthopOffsets;
  const byFamily =
    (left[leftStart + gatewayFamily] as number) - (right[rightStart + gatewayFamily] as number);
  if (byFamily !== 0) return byFamily;
  for (let at = gateway; at < nexthopLength; at++) {
    const byGateway = (left[leftStart + at] as number) - (right[rightStart + at] as number);
    if (byGateway !== 0) return byGateway;
  }
  return weightOf(left, leftStart) - weightOf(right, rightStart);
}

/** A copy of one nexthop with another weight, 1 to 256. */
export function weighted(nexthop: Uint8Array, weight: number): Uint8Array {
  const bytes = nexthop.slice();
  bytes[nexthopOffsets.weight] = weight & 0xff;
  bytes[nexthopOffsets.weight + 1] = weight >> 8;
  return bytes;
}

/** A copy of one nexthop with or without the on-link flag: with it the kernel does not look the gateway up. */
export function withOnlink(nexthop: Uint8Array, onlink: boolean): Uint8Array {
  const bytes = nexthop.slice();
  bytes[nexthopOffsets.flags] = onlink ? NexthopFlag.onlink : 0;
  return bytes;
}

export function isOnlink(nexthop: Uint8Array): boolean {
  return ((nexthop[nexthopOffsets.flags] as number) & NexthopFlag.onlink) !== 0;
}

/** The weight of the nexthop that begins at byte `start`. */
export function weightOf(packed: Uint8Array, start = 0): number {
  const at = start + nexthopOffsets.weight;
  return (packed[at] as number) | ((packed[at + 1] as number) << 8);
}

/** One set of single nexthops, or of sets. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.length * nexthopLength);
  for (let index = 0; index < parts.length; index++)
    whole.set(parts[index] as Uint8Array, index * nexthopLength);
  return whole;
}
