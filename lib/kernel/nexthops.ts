/**
 * Sets of nexthops as the packed bytes of a route record, in canonical order: by interface number, then
 * gateway family, gateway, weight. Equal sets are equal bytes, so comparing needs no object.
 */
import { formatAddress, parseAddress } from '../address.ts';
import type { Nexthop } from '../desired/resolve.ts';
import type { LinkTable } from './link-table.ts';
import { AF_INET, AF_INET6, NexthopFlag, nexthopLength, nexthopOffsets } from './record-layout.ts';

export const emptyNexthops: Uint8Array = new Uint8Array(0);

/**
 * @param nexthops by interface name
 * @returns the usable ones packed; those whose interface is missing or down contribute nothing
 */
export function packNexthops(nexthops: readonly Nexthop[], links: LinkTable): Uint8Array {
  const packed: Uint8Array[] = [];
  for (const { interface: name, via, weight } of nexthops) {
    const index = links.usableIndex(name);
    if (index === undefined) continue;
    const bytes = new Uint8Array(nexthopLength);
    const view = new DataView(bytes.buffer);
    const gateway = parseAddress(via);
    view.setUint32(nexthopOffsets.interfaceIndex, index, true);
    view.setUint16(nexthopOffsets.weight, weight, true);
    view.setUint8(nexthopOffsets.gatewayFamily, gateway.family === 4 ? AF_INET : AF_INET6);
    bytes.set(gateway.bytes, nexthopOffsets.gateway);
    packed.push(bytes);
  }
  // The weight of a single nexthop means nothing, and the kernel does not keep it.
  const [only] = packed;
  if (only !== undefined && packed.length === 1) setWeight(only, 1);
  return concatenate(packed.sort(compareNexthop));
}

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
  return Buffer.compare(left, right) === 0;
}

export function countNexthops(packed: Uint8Array): number {
  return packed.length / nexthopLength;
}

/** The nexthop at `index` as a set of its own; empty when there is none. */
export function pickNexthop(packed: Uint8Array, index: number): Uint8Array {
  return packed.subarray(index * nexthopLength, (index + 1) * nexthopLength);
}

export function intersectNexthops(left: Uint8Array, right: Uint8Array): Uint8Array {
  const others = new Set(split(right).map(identity));
  return concatenate(split(left).filter(nexthop => others.has(identity(nexthop))));
}

export function uniteNexthops(left: Uint8Array, right: Uint8Array): Uint8Array {
  const union = new Map([...split(left), ...split(right)].map(nexthop => [identity(nexthop), nexthop]));
  return concatenate([...union.values()].sort(compareNexthop));
}

/** The nexthops of `left` that are not in `right`, by interface and gateway. */
export function subtractNexthops(left: Uint8Array, right: Uint8Array): Uint8Array {
  const others = new Set(split(right).map(identity));
  return concatenate(split(left).filter(nexthop => !others.has(identity(nexthop))));
}

/** Whether a set has a nexthop of this interface and gateway. */
export function hasNexthop(packed: Uint8Array, interfaceIndex: number, gateway: Uint8Array): boolean {
  return split(packed).some(nexthop => {
    const its = nexthop.subarray(nexthopOffsets.gateway, nexthopOffsets.gateway + gateway.length);
    return interfaceOf(nexthop) === interfaceIndex && sameNexthops(its, gateway);
  });
}

/** The nexthops that do not lead through an interface, by its number. */
export function withoutInterface(packed: Uint8Array, index: number): Uint8Array {
  return concatenate(split(packed).filter(nexthop => interfaceOf(nexthop) !== index));
}

/** The interface numbers of a set. */
export function interfacesOf(packed: Uint8Array = emptyNexthops): number[] {
  return split(packed).map(interfaceOf);
}

/** `fd00::2%veth1a2b, fd00::3%veth3c4d weight 2` for people. */
export function describeNexthops(packed: Uint8Array, links: LinkTable): string {
  return split(packed)
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

function split(packed: Uint8Array): Uint8Array[] {
  return Array.from({ length: countNexthops(packed) }, (_, index) => pickNexthop(packed, index));
}

function interfaceOf(nexthop: Uint8Array): number {
  const view = new DataView(nexthop.buffer, nexthop.byteOffset, nexthop.byteLength);
  return view.getUint32(nexthopOffsets.interfaceIndex, true);
}

/** Interface and gateway: a nexthop whose weight alone changed is the same nexthop. */
function identity(nexthop: Uint8Array): string {
  const { gatewayFamily, gateway } = nexthopOffsets;
  return `${interfaceOf(nexthop)}/${nexthop[gatewayFamily]}/${nexthop.subarray(gateway).join('.')}`;
}

function compareNexthop(left: Uint8Array, right: Uint8Array): number {
  const [leftView, rightView] = [left, right].map(
    ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength),
  ) as [DataView, DataView];
  return (
    leftView.getUint32(nexthopOffsets.interfaceIndex, true) -
      rightView.getUint32(nexthopOffsets.interfaceIndex, true) ||
    leftView.getUint8(nexthopOffsets.gatewayFamily) - rightView.getUint8(nexthopOffsets.gatewayFamily) ||
    Buffer.compare(left.subarray(nexthopOffsets.gateway), right.subarray(nexthopOffsets.gateway)) ||
    leftView.getUint16(nexthopOffsets.weight, true) - rightView.getUint16(nexthopOffsets.weight, true)
  );
}

function setWeight(nexthop: Uint8Array, weight: number): void {
  new DataView(nexthop.buffer, nexthop.byteOffset).setUint16(nexthopOffsets.weight, weight, true);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.length * nexthopLength);
  for (const [index, part] of parts.entries()) whole.set(part, index * nexthopLength);
  return whole;
}
