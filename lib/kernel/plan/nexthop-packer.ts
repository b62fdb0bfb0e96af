/**
 * Packs nexthops by interface name into sets, each once: destinations that share their nexthops share the bytes,
 * so that comparing them is mostly comparing two references.
 */
import { parseAddress } from '../../base/address.ts';
import type { Nexthop } from '../../desired/views.ts';
import type { LinkTable } from '../socket/link-table.ts';
import { compareNexthop, concatenate, emptyNexthops, weighted, weightOf } from '../socket/nexthops.ts';
import { AF_INET, AF_INET6, NexthopFlag, nexthopLength, nexthopOffsets } from '../socket/record-layout.ts';

export class NexthopPacker {
  readonly #links: LinkTable;
  readonly #marksOnlink: boolean;
  /** The interfaces that what is kept was packed for. */
  #revision = -1;
  #sets = new WeakMap<readonly Nexthop[], Uint8Array>();
  /** Single ones; undefined where the interface is missing or down. */
  #nexthops = new WeakMap<Nexthop, Uint8Array | undefined>();

  /** @param marksOnlink whether on-link nexthops are marked; those of a group are marked separately */
  constructor(links: LinkTable, marksOnlink = true) {
    this.#links = links;
    this.#marksOnlink = marksOnlink;
  }

  /**
   * @param nexthops by interface name; never changed in place
   * @returns the usable ones packed, never to be changed; those whose interface is missing or down contribute nothing
   */
  pack(nexthops: readonly Nexthop[]): Uint8Array {
    if (this.#links.revision !== this.#revision) {
      this.#revision = this.#links.revision;
      this.#sets = new WeakMap();
      this.#nexthops = new WeakMap();
    }
    let set = this.#sets.get(nexthops);
    if (set === undefined) {
      set = this.#packSet(nexthops);
      this.#sets.set(nexthops, set);
    }
    return set;
  }

  #packSet(nexthops: readonly Nexthop[]): Uint8Array {
    const usable: Uint8Array[] = [];
    for (const nexthop of nexthops) {
      const packed = this.#packOne(nexthop);
      if (packed !== undefined) usable.push(packed);
    }
    const [only] = usable;
    if (only === undefined) return emptyNexthops;
    if (usable.length > 1) return concatenate(usable.sort(compareNexthop));
    // The weight of a single nexthop means nothing, and the kernel does not keep it.
    return weightOf(only) === 1 ? only : weighted(only, 1);
  }

  #packOne(nexthop: Nexthop): Uint8Array | undefined {
    if (this.#nexthops.has(nexthop)) return this.#nexthops.get(nexthop);
    const index = this.#links.usableIndex(nexthop.interface);
    const packed =
      index === undefined
        ? undefined
        : packNexthop(nexthop, index, this.#marksOnlink && nexthop.onlink === true);
    this.#nexthops.set(nexthop, packed);
    return packed;
  }
}

/**
 * The kernel resolves a pod's address behind a host route. BIRD does not: a gateway that no address of the interface
 * covers is invalid for it, and it learns no such route unless it is marked `onlink` (nl_parse_route and
 * nl_parse_multipath of 2.0.12: "KRT: Received route … with strange next-hop …").
 */
function packNexthop({ via, weight }: Nexthop, interfaceIndex: number, onlink: boolean): Uint8Array {
  const bytes = new Uint8Array(nexthopLength);
  const view = new DataView(bytes.buffer);
  const gateway = parseAddress(via);
  view.setUint32(nexthopOffsets.interfaceIndex, interfaceIndex, true);
  view.setUint16(nexthopOffsets.weight, weight, true);
  view.setUint8(nexthopOffsets.gatewayFamily, gateway.family === 4 ? AF_INET : AF_INET6);
  view.setUint8(nexthopOffsets.flags, onlink ? NexthopFlag.onlink : 0);
  bytes.set(gateway.bytes, nexthopOffsets.gateway);
  return bytes;
}
