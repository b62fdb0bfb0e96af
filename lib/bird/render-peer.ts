/** One BGP peer in BIRD's words. */
import type { Peer } from '../sources/peer.ts';
import { plain, quoted, symbol } from './words.ts';

/**
 * A node that dies takes its announcements along after 30 s, not after BIRD's 240; and after a restart or a
 * link flap the session is back in a second, not after 5 to 60. A BIRD that crashes leaves the kernel
 * forwarding: graceful restart lets the peer go on sending for the half minute its restart may take.
 */
const timers = [
  'hold time 30;',
  'keepalive time 10;',
  'connect delay time 1;',
  'connect retry time 10;',
  'error wait time 1, 30;',
  'graceful restart on;',
  'graceful restart time 30;',
];

/** @param password the TCP MD5 password, checked by `readPasswords` */
export function renderPeer(peer: Peer, localAsn: number, password: string | undefined): string {
  const lines = [
    `local as ${plain(localAsn)};`,
    `neighbor ${plain(peer.address)} port ${plain(peer.port)} as ${plain(peer.asn)};`,
    ...(peer.interface === undefined ? [] : [`interface ${quoted(peer.interface)};`]),
    peer.multihop === undefined ? 'direct;' : `multihop ${plain(peer.multihop)};`,
    ...(peer.passive ? ['passive on;'] : []),
    ...(password === undefined ? [] : [`password ${quoted(password)};`]),
    ...timers,
    ...peer.families.flatMap(family => channel(peer, family)),
  ];
  return `protocol bgp ${symbol(`peer_${peer.name}`)} {\n${lines.map(line => `  ${line}\n`).join('')}}`;
}

function channel(peer: Peer, family: Peer['families'][number]): string[] {
  const version = family === 'ipv4' ? 4 : 6;
  return [
    `${family} {`,
    '  import all;',
    `  export filter announced${version};`,
    '  next hop self;',
    ...(peer.extendedNextHop && family === 'ipv4' ? ['  extended next hop on;'] : []),
    '};',
  ];
}
