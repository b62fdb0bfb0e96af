/** The BGP sessions' states in BIRD's reply to `show protocols`. Pure. */
import type { Peer } from '../config/peer.ts';
import type { Reply } from './reply.ts';

/**
 * A line contains name, protocol, table, state, since and info (nest/proto.c); for BGP the info begins with the
 * session's state:
 *
 *     peer_tor1  BGP        ---        up     03:41:07.512  Established
 *     peer_tor2  BGP        ---        start  2026-11-20 10:11:12  Active        Socket: Connection refused
 *
 * @param reply undefined when BIRD does not answer
 * @returns a state for each peer, `Unknown` where the reply does not contain the peer
 */
export function peerStates(
  peers: readonly Peer[],
  reply: Reply | undefined,
): { name: string; state: string }[] {
  const states = new Map<string, string>();
  for (const { text } of reply?.lines ?? []) {
    const line = /^peer_(\S+) +BGP +\S+ +(\S+) +\S+(?: +\d\d:\d\d:\d\d\S*)? *(\S*)/.exec(text);
    if (line !== null) states.set(String(line[1]), line[3] || String(line[2]));
  }
  return peers.map(({ name }) => ({ name, state: states.get(name) ?? 'Unknown' }));
}
