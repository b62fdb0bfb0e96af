/**
 * Follows the BGP sessions: says once when something keeps announcements from a peer, and once when it has ended.
 * Asking has a use of its own: BIRD sleeps up to 3 s after its own timers, with what these have set off still to do
 * (sysdep/unix/io.c), and a question wakes it.
 */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Peer } from '../config/peer.ts';
import { type Family, type PeerSession, peerSessions, sessionsCommand } from './peer-sessions.ts';
import type { Reply } from './reply.ts';
import { type SessionProblem, sessionProblems } from './session-problems.ts';

export interface SessionWatchOptions {
  /** Sends BIRD a command; undefined when BIRD does not run our configuration, or refuses. */
  query: (command: string) => Promise<Reply | undefined>;
  /** Peers of the node config in force; undefined while there is none. */
  peers: () => readonly Peer[] | undefined;
  /** What the kernel announces. */
  announced: () => ReadonlySet<Destination>;
  /** Whether routes of peers go into the kernel. */
  kernelExport: boolean;
  clock: Pick<Clock, 'after'>;
  /** Between two checks, in milliseconds. */
  everyMs: number;
  log: Log;
}

const defaultRoutes: readonly (readonly [Family, string])[] = [
  ['ipv4', '0.0.0.0/0'],
  ['ipv6', '::/0'],
];

export class SessionWatch {
  readonly #options: SessionWatchOptions;
  #problems: readonly SessionProblem[] = [];
  /** Peers and families whose default route was reported. */
  readonly #defaultRoutes = new Set<string>();
  /** Peers and families for which a missing global next hop was reported. */
  readonly #nextHops = new Set<string>();
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(options: SessionWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** What is wrong now, as of the last check. */
  problems(): readonly SessionProblem[] {
    return this.#problems;
  }

  async check(): Promise<void> {
    const { query, peers, announced, log } = this.#options;
    const configured = peers();
    if (configured === undefined) return;
    const sessions = peerSessions(await query(sessionsCommand));
    const found = sessionProblems(configured, sessions, announced());
    for (const { code, message, remedy } of found) {
      if (!this.#problems.some(known => known.message === message)) log.warn({ code, remedy }, message);
    }
    for (const { code, message } of this.#problems) {
      if (!found.some(now => now.message === message)) log.info({ code }, `no longer so: ${message}`);
    }
    this.#problems = found;
    this.#reportNextHops(sessions);
    await this.#reportDefaultRoutes(configured, sessions);
  }

  /** Many routers take it, so it is no fault that stands: said once. */
  #reportNextHops(sessions: ReadonlyMap<string, PeerSession>): void {
    for (const [peer, { channels }] of sessions) {
      for (const [family, { withoutGlobalNextHop }] of channels) {
        if (!withoutGlobalNextHop || this.#nextHops.has(`${peer} ${family}`)) continue;
        this.#nextHops.add(`${peer} ${family}`);
        this.#options.log.warn(
          {
            code: 'BIRD_NO_GLOBAL_NEXT_HOP',
            remedy: 'give the link a global IPv6 address, or run BIRD 2.17 or newer',
          },
          `peer ${peer} is sent :: as global next hop of ${family}, which some routers refuse`,
        );
      }
    }
  }

  /** A default route of a peer may replace the node's own in the kernel: said once, with the key that forbids it. */
  async #reportDefaultRoutes(
    peers: readonly Peer[],
    sessions: ReadonlyMap<string, PeerSession>,
  ): Promise<void> {
    const { query, kernelExport, log } = this.#options;
    if (!kernelExport) return;
    for (const [family, prefix] of defaultRoutes) {
      const unreported = peers.filter(
        ({ name, importDefaultRoute }) =>
          importDefaultRoute &&
          !this.#defaultRoutes.has(`${name} ${family}`) &&
          sessions.get(name)?.channels.get(family)?.up === true,
      );
      if (unreported.length === 0) continue;
      const lines = (await query(`show route ${prefix}`))?.lines ?? [];
      for (const { name } of unreported) {
        if (!lines.some(({ text }) => text.includes(`[peer_${name} `))) continue;
        this.#defaultRoutes.add(`${name} ${family}`);
        log.info(
          { code: 'BIRD_DEFAULT_ROUTE_IMPORTED', peer: name, prefix },
          `peer ${name} gives this node a default route, ${prefix}; \`importDefaultRoute: false\` of the peer forbids it`,
        );
      }
    }
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { clock, everyMs, log } = this.#options;
    this.#cancel = clock.after(everyMs, () => {
      this.check()
        .catch(error => log.error({ error }, 'can not check the BGP sessions'))
        .finally(() => this.#schedule());
    });
  }
}
