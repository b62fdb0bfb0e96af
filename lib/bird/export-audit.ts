/**
 * Compares what BIRD exports with what the kernel announces.
 *
 * BIRD learns routes from notifications, and misses some changes until its next scan: an IPv4 route that the kernel
 * drops with an address (no notification), the removal of one nexthop of an IPv6 route (BIRD takes it for the whole
 * route), and what is lost when its socket overruns.
 *
 * What a session does not carry is no difference: a family that the peer has not negotiated has no exports.
 */
import type { Destination } from '../base/address.ts';
import type { Peer } from '../config/peer.ts';
import { carriedBy, familyOf, peerSessions, sessionsCommand } from './peer-sessions.ts';
import type { Reply } from './reply.ts';

/** What differed in two checks in a row: what differs once may be a change that BIRD is still applying. */
export interface LastingDifference {
  /** Announced by the kernel's route, and not exported. */
  missing: Destination[];
  /** Exported, and not announced by any route. */
  extra: Destination[];
}

export interface ExportAuditOptions {
  /** Sends BIRD a command; undefined when BIRD does not run our configuration, or refuses. */
  query: (command: string) => Promise<Reply | undefined>;
  /** Peers of the node config in force. */
  peers: () => readonly Peer[];
}

export class ExportAudit {
  readonly #options: ExportAuditOptions;
  #before = new Set<string>();

  constructor(options: ExportAuditOptions) {
    this.#options = options;
  }

  /** Whether the last check found a difference that the next check has to confirm. */
  get suspicious(): boolean {
    return this.#before.size > 0;
  }

  /** @param announced returns what the kernel announces; called after BIRD has answered */
  async check(announced: () => ReadonlySet<Destination>): Promise<LastingDifference> {
    const found = new Set<string>();
    const peers = this.#options.peers();
    const sessions = peerSessions(
      peers.length === 0 ? undefined : await this.#options.query(sessionsCommand),
    );
    for (const { name } of peers) {
      const families = carriedBy(sessions.get(name));
      if (families.size === 0) continue;
      const reply = await this.#options.query(`show route export 'peer_${name}'`);
      if (reply === undefined) continue;
      const exported = hostPrefixesIn(reply);
      for (const destination of announced()) {
        if (families.has(familyOf(destination)) && !exported.has(destination))
          found.add(`missing ${destination}`);
      }
      for (const destination of exported)
        if (!announced().has(destination)) found.add(`extra ${destination}`);
    }
    const lasting = [...found].filter(difference => this.#before.has(difference));
    this.#before = found;
    const of = (kind: string) =>
      lasting.filter(text => text.startsWith(kind)).map(text => text.slice(kind.length + 1));
    return { missing: of('missing'), extra: of('extra') };
  }
}

/** The anycast destinations among the routes of a reply; the node's own prefixes come from other protocols (`own4`). */
export function hostPrefixesIn({ lines }: Reply): Set<Destination> {
  const prefixes = new Set<Destination>();
  for (const { text } of lines) {
    const prefix = /^(\S+\/(?:32|128)) .*\[(?:learn|anycast)[46](?:_\d+)? /.exec(text)?.[1];
    if (prefix !== undefined) prefixes.add(prefix);
  }
  return prefixes;
}
