/**
 * The next hop that a peer with a link-local address is told. BIRD takes the source address of the session, which is
 * link-local too, and sends `::` in the place of the global next hop (proto/bgp/packets.c), also where the link has a
 * global address. Some routers refuse that.
 */
import { networkInterfaces } from 'node:os';
import { parseAddress } from '../base/address.ts';
import { rangeOf } from '../config/address-schema.ts';
import type { Peer } from '../config/peer.ts';

type Interfaces = ReturnType<typeof networkInterfaces>;

/** This node's global IPv6 addresses, by interface. */
export class LinkAddresses {
  readonly #read: () => Interfaces;
  readonly #known = new Map<string, string | undefined>();

  constructor(read: () => Interfaces = networkInterfaces) {
    this.#read = read;
  }

  /**
   * Node does not list an interface that is down: what it had stands, or the session would end once more by a change
   * of its next hop after the link is back.
   *
   * @param peers of the node config; only interfaces of link-local peers are looked at
   * @returns the address by interface; of several always the same
   */
  of(peers: readonly Peer[]): ReadonlyMap<string, string> {
    const names = peers.filter(isLinkLocal).flatMap(peer => peer.interface ?? []);
    if (names.length === 0) return new Map();
    const interfaces = this.#read();
    for (const name of names) {
      const addresses = interfaces[name];
      if (addresses !== undefined) this.#known.set(name, addresses.map(globalOf).filter(isText).sort()[0]);
    }
    return new Map(
      names.flatMap(name => (isText(this.#known.get(name)) ? [[name, String(this.#known.get(name))]] : [])),
    );
  }
}

export function isLinkLocal({ address }: Pick<Peer, 'address'>): boolean {
  return address.includes(':') && rangeOf(parseAddress(address)) === 'linkLocal';
}

/** An address that is more than this host's own, such as an anycast address on the link. */
function globalOf({ family, address, cidr }: NonNullable<Interfaces[string]>[number]): string | undefined {
  const isGlobal = family === 'IPv6' && !address.startsWith('fe80:') && cidr?.endsWith('/128') !== true;
  return isGlobal ? parseAddress(address).text : undefined;
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}
