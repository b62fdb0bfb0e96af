/** What BIRD says of its BGP sessions and their channels in its reply to `show protocols all`. Pure. */
import type { Peer } from '../config/peer.ts';
import type { Reply } from './reply.ts';

export type Family = Peer['families'][number];

export interface PeerSession {
  /** Established: it carries the routes of each family whose channel is up. */
  established: boolean;
  /** By family, those of the configuration. */
  channels: ReadonlyMap<Family, PeerChannel>;
}

export interface PeerChannel {
  /** Not up in an established session: the peer has not negotiated the family (nest/proto.c, bgp.c). */
  up: boolean;
  /** The limit that the peer's routes have reached: BIRD takes no more. */
  limitReached: number | undefined;
  /** The peer is sent `::` as global next hop: its address is link-local, and so are all of ours on that link. */
  withoutGlobalNextHop: boolean;
}

/** The command whose reply `peerSessions` reads. */
export const sessionsCommand = 'show protocols all "peer_*"';

/**
 * A protocol's line is that of `show protocols`; its channels follow (nest/proto.c, channel_show_info):
 *
 *     peer_tor1  BGP        ---        up     03:41:07.512  Established
 *       BGP state:          Established
 *       Channel ipv4
 *         State:          UP
 *         Import limit:   10000 [HIT]
 *       Channel ipv6
 *         State:          DOWN
 *
 * @param reply undefined when BIRD does not answer
 * @returns sessions by the peer's name
 */
export function peerSessions(reply: Reply | undefined): ReadonlyMap<string, PeerSession> {
  const sessions = new Map<string, PeerSession>();
  let channels = new Map<Family, PeerChannel>();
  let channel: PeerChannel | undefined;
  for (const { text } of reply?.lines ?? []) {
    const name = /^peer_(\S+) +BGP /.exec(text)?.[1];
    if (name !== undefined) {
      channels = new Map();
      channel = undefined;
      sessions.set(name, { established: / Established\b/.test(text), channels });
      continue;
    }
    const family = /^ +Channel (ipv[46])$/.exec(text)?.[1];
    if (family !== undefined) {
      channel = { up: false, limitReached: undefined, withoutGlobalNextHop: false };
      channels.set(family as Family, channel);
    } else if (channel !== undefined) {
      if (/^ +State: +UP$/.test(text)) channel.up = true;
      if (/^ +BGP Next hop: +:: fe80:/.test(text)) channel.withoutGlobalNextHop = true;
      const limit = /^ +(?:Receive|Import) limit: +(\d+) \[HIT\]/.exec(text)?.[1];
      if (limit !== undefined) channel.limitReached = Number(limit);
    }
  }
  return sessions;
}

/** The families that a peer's session carries now; none while it is down. */
export function carriedBy(session: PeerSession | undefined): ReadonlySet<Family> {
  if (session?.established !== true) return new Set();
  return new Set([...session.channels].filter(([, { up }]) => up).map(([family]) => family));
}

export function familyOf(destination: string): Family {
  return destination.includes(':') ? 'ipv6' : 'ipv4';
}
