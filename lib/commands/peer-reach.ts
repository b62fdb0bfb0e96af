/** What the BGP peers of the given files would not hear, or not in the form that every router takes. */
import { isLinkLocal } from '../bird/link-next-hop.ts';
import { familiesWithoutPeer } from '../bird/session-problems.ts';
import type { Peer } from '../config/peer.ts';

/** The peers of one node, or of all. */
export interface PeersOf {
  /** How messages name them, such as `NodeConfig node-a`. */
  what: string;
  peers: readonly Pick<Peer, 'families'>[];
}

const spelled = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

/**
 * @param prefixes of a pool or of an allocation file
 * @param nodes what no peer was given for is not judged: its peers may be in another file
 * @returns what is missing, in words; undefined when each family has a peer everywhere
 */
export function unpeered(prefixes: readonly string[], nodes: readonly PeersOf[]): string | undefined {
  const faults = nodes
    .filter(({ peers }) => peers.length > 0)
    .flatMap(({ what, peers }) =>
      familiesWithoutPeer(peers, prefixes).map(
        family => `${what} has no peer for ${spelled[family]}: its addresses would be announced to nobody`,
      ),
    );
  return faults.length === 0 ? undefined : faults.join('; ');
}

/**
 * The agent says so of a session itself (BIRD_NO_GLOBAL_NEXT_HOP), once it knows BIRD's version and the link's addresses.
 *
 * @returns what an older BIRD sends to peers with a link-local address; undefined when there are none
 */
export function nextHopNote(peers: readonly Peer[]): string | undefined {
  const names = peers
    .filter(peer => isLinkLocal(peer) && (peer.families.includes('ipv6') || peer.extendedNextHop))
    .map(({ name }) => name);
  if (names.length === 0) return undefined;
  return `BIRD before 2.17 sends :: as global next hop to ${names.join(', ')}, unless the node has a global address on that link`;
}
