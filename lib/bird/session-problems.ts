/** What keeps announcements from peers although BIRD runs, in words. Pure. */
import type { Destination } from '../base/address.ts';
import type { Peer } from '../config/peer.ts';
import { type Family, familyOf, type PeerSession } from './peer-sessions.ts';

export interface SessionProblem {
  /** Stable, for alerting. */
  code: 'BIRD_FAMILY_NOT_NEGOTIATED' | 'BIRD_IMPORT_LIMIT_REACHED' | 'BIRD_NO_PEER_FOR_FAMILY';
  message: string;
  remedy: string;
}

const spelled = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

/**
 * @param sessions from `peerSessions`
 * @param announced what the kernel announces
 */
export function sessionProblems(
  peers: readonly Peer[],
  sessions: ReadonlyMap<string, PeerSession>,
  announced: Iterable<Destination>,
): SessionProblem[] {
  return [
    ...peers.flatMap(peer => ofPeer(peer, sessions.get(peer.name))),
    ...familiesWithoutPeer(peers, announced).map(
      (family): SessionProblem => ({
        code: 'BIRD_NO_PEER_FOR_FAMILY',
        message: `no peer for ${spelled[family]}: its destinations are routed here and announced to nobody`,
        remedy: `add a peer for ${spelled[family]}, or ${family} to the \`families\` of one that takes both`,
      }),
    ),
  ];
}

/** Families of destinations that no configured peer carries. */
export function familiesWithoutPeer(
  peers: readonly Pick<Peer, 'families'>[],
  destinations: Iterable<Destination>,
): Family[] {
  const missing = new Set<Family>();
  for (const destination of destinations) {
    const family = familyOf(destination);
    if (!missing.has(family) && !peers.some(({ families }) => families.includes(family))) missing.add(family);
    if (missing.size === 2) break;
  }
  return [...missing].sort();
}

function ofPeer({ name, families }: Peer, session: PeerSession | undefined): SessionProblem[] {
  if (session?.established !== true) return [];
  return families.flatMap((family): SessionProblem[] => {
    const channel = session.channels.get(family);
    if (channel === undefined) return [];
    if (!channel.up) {
      return [
        {
          code: 'BIRD_FAMILY_NOT_NEGOTIATED',
          message: `peer ${name} has not negotiated ${family}: it gets none of its destinations`,
          remedy: `enable ${family} for this node at ${name}, or remove it from the peer's \`families\``,
        },
      ];
    }
    if (channel.limitReached === undefined) return [];
    return [
      {
        code: 'BIRD_IMPORT_LIMIT_REACHED',
        message: `peer ${name} sends more than ${channel.limitReached} ${family} routes: the others are not imported`,
        remedy: `have ${name} send fewer, or raise the peer's \`importLimit\`; then \`birdc reload in peer_${name}\` (BIRD 3: \`reload bgp in\`)`,
      },
    ];
  });
}
