/** One BGP peer in BIRD's syntax. Pure. */
import type { Peer } from '../config/peer.ts';
import { isLinkLocal } from './link-next-hop.ts';
import { plain, quoted, symbol } from './quoting.ts';
import { exportFilter } from './render-filter.ts';
import type { BirdTraits } from './versions.ts';

/**
 * The announcements of a node that fails end after 30 s instead of BIRD's default of 240 s. After a restart or a
 * link flap the session is up again in a second instead of 5 to 60.
 */
const timers = [
  'hold time 30;',
  'keepalive time 10;',
  'connect delay time 1;',
  'connect retry time 10;',
  'error wait time 1, 30;',
];

/**
 * For all peers with `bfd`: a session is down after three lost packets, 300 ms apart. Routers can send at this rate
 * with and without hardware support. A peer that asks for a slower rate gets it (RFC 5880, 6.8.7).
 */
export const bfd = `protocol bfd {
  interface "*" { interval 300 ms; multiplier 3; };
  multihop { interval 300 ms; multiplier 3; };
}`;

export interface PeerOptions {
  localAsn: number;
  /** The TCP MD5 password, checked by `readPasswords`. */
  password: string | undefined;
  /** The condition, in BIRD's syntax, that is true for the routes that are announced. */
  isAnnounced: Readonly<Record<'ipv4' | 'ipv6', string>>;
  /** This node's global IPv6 addresses by interface, for peers with a link-local address. */
  linkAddresses: ReadonlyMap<string, string>;
  traits: BirdTraits;
}

/** The peer's own filters, if any, and its session. */
export function renderPeer(peer: Peer, options: PeerOptions): string {
  const { localAsn, password, isAnnounced } = options;
  const { communities, sourceAddress } = peer;
  const filters =
    communities.length === 0
      ? []
      : peer.families.map(family => exportFilter(filterOf(peer, family), isAnnounced[family], communities));
  const lines = [
    `local as ${plain(localAsn)};`,
    `neighbor ${plain(peer.address)} port ${plain(peer.port)} as ${plain(peer.asn)};`,
    ...(peer.interface === undefined ? [] : [`interface ${quoted(peer.interface)};`]),
    peer.multihop === undefined ? 'direct;' : `multihop ${plain(peer.multihop)};`,
    ...(sourceAddress === undefined ? [] : [`source address ${plain(sourceAddress)};`]),
    ...(peer.passive ? ['passive on;'] : []),
    ...(password === undefined ? [] : [`password ${quoted(password)};`]),
    ...timers,
    ...gracefulRestart(peer),
    ...(peer.bfd ? ['bfd on;'] : []),
    ...peer.families.flatMap(family => channel(peer, family, options)),
  ];
  const session = `protocol bgp ${symbol(`peer_${peer.name}`)} {\n${lines.map(line => `  ${line}\n`).join('')}}`;
  return [...filters, session].join('\n\n');
}

/** When BIRD crashes, the kernel still forwards: the peer keeps our routes for the restart time. */
function gracefulRestart({ gracefulRestart: { enabled, seconds } }: Peer): string[] {
  return enabled
    ? ['graceful restart on;', `graceful restart time ${plain(seconds)};`]
    : ['graceful restart off;'];
}

/** Peers without communities share one filter, so that BIRD sees that it is the same. */
function filterOf({ name, communities }: Peer, family: Peer['families'][number]): string {
  const shared = `announced${family === 'ipv4' ? 4 : 6}`;
  return communities.length === 0 ? shared : symbol(`${shared}_${name}`);
}

/**
 * A peer that sends more routes than expected must not fill the kernel's table, and its session must not end for it:
 * `block` ignores the routes beyond the limit. The receive limit bounds what BIRD stores, filtered routes included.
 */
function channel(peer: Peer, family: Peer['families'][number], options: PeerOptions): string[] {
  const limit = plain(peer.importLimit);
  return [
    `${family} {`,
    peer.importDefaultRoute ? '  import all;' : '  import where net.len > 0;',
    `  receive limit ${limit} action block;`,
    `  import limit ${limit} action block;`,
    `  export filter ${filterOf(peer, family)};`,
    '  next hop self;',
    ...linkNextHop(peer, family, options),
    ...(peer.extendedNextHop && family === 'ipv4' ? ['  extended next hop on;'] : []),
    '};',
  ];
}

/** Where the link has no global address, the link-local one takes both places: `::` there is refused by routers. */
function linkNextHop(
  peer: Peer,
  family: Peer['families'][number],
  { linkAddresses, traits }: PeerOptions,
): string[] {
  const isIpv6 = family === 'ipv6' || peer.extendedNextHop;
  if (!isIpv6 || !isLinkLocal(peer)) return [];
  const address = linkAddresses.get(peer.interface ?? '');
  if (address !== undefined) return [`  next hop address ${plain(address)};`];
  return traits.hasNextHopFormat ? ['  link local next hop format double;'] : [];
}
