/** Addresses whose family no BGP peer of the given files carries: pods would get them, and nobody would hear of it. */
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
