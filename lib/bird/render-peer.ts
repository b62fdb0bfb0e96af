/** One BGP peer in BIRD's words. */
import type { Peer } from '../config/peer.ts';
import { plain, quoted, symbol } from './quoting.ts';
import { exportFilter } from './render-filter.ts';

/**
 * A node that dies takes its announcements along after 30 s, not after BIRD's 240; and after a restart or a
 * link flap the session is back in a second, not after 5 to 60.
 */
const timers = [
  'hold time 30;',
  'keepalive time 10;',
  'connect delay time 1;',
  'connect retry time 10;',
  'error wait time 1, 30;',
];

/**
 * For all peers with `bfd`: a loss is three packets 300 ms apart, which routers keep up with in hardware or not.
 * A peer that asks for slower ones gets them (RFC 5880, 6.8.7).
 */
export const bfd = `protocol bfd {
  interface "*" { interval 300 ms; multiplier 3; };
  multihop { interval 300 ms; multiplier 3; };
}`;

export interface PeerWords {
  localAsn: number;
  /** The TCP MD5 password, checked by `readPasswords`. */
  password: string | undefined;
  /** What is true of the routes that are announced, in BIRD's words. */
  isAnnounced: Readonly<Record<'ipv4' | 'ipv6', string>>;
}

/** The session, after the filters it has of its own. */
export function renderPeer(peer: Peer, { localAsn, password, isAnnounced }: PeerWords): string {
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
    ...peer.families.flatMap(family => channel(peer, family)),
  ];
  const session = `protocol bgp ${symbol(`peer_${peer.name}`)} {\n${lines.map(line => `  ${line}\n`).join('')}}`;
  return [...filters, session].join('\n\n');
}

/** A BIRD that crashes leaves the kernel forwarding: the peer goes on sending for as long as its restart may take. */
function gracefulRestart({ gracefulRestart: { enabled, seconds } }: Peer): string[] {
  return enabled
    ? ['graceful restart on;', `graceful restart time ${plain(seconds)};`]
    : ['graceful restart off;'];
}

/** Peers that get nothing added share one, which BIRD then knows to be the same. */
function filterOf({ name, communities }: Peer, family: Peer['families'][number]): string {
  const shared = `announced${family === 'ipv4' ? 4 : 6}`;
  return communities.length === 0 ? shared : symbol(`${shared}_${name}`);
}

function channel(peer: Peer, family: Peer['families'][number]): string[] {
  return [
    `${family} {`,
    '  import all;',
    `  export filter ${filterOf(peer, family)};`,
    '  next hop self;',
    ...(peer.extendedNextHop && family === 'ipv4' ? ['  extended next hop on;'] : []),
    '};',
  ];
}
