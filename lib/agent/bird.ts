/** BIRD's part of the agent: BIRD's configuration, and the repair of its exports. */
import { bothFamilies, type Family } from '../base/address.ts';
import { BirdAnnouncer } from '../bird/announcer.ts';
import { ExportAudit } from '../bird/export-audit.ts';
import { ExportRepair } from '../bird/export-repair.ts';
import { BirdManager } from '../bird/manager.ts';
import { areUp } from '../bird/protocol-states.ts';
import { learningProtocols, tableProtocols } from '../bird/render.ts';
import { SessionWatch } from '../bird/session-watch.ts';
import { traitsOf } from '../bird/versions.ts';
import { type RouteIdentity, routeIdentityOf } from '../config/route-identity.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { SysctlWatch } from '../sysctl/sysctl-watch.ts';
import { openPrefixRoutes } from './announced-prefixes.ts';
import type { AgentContext } from './context.ts';
import { ForwardedPrefixes } from './forwarded-prefixes.ts';
import { mayExportToKernel, whyBirdIsBlind } from './preflight.ts';
import type { AnycastReconciler } from './reconciler.ts';
import type { Sources } from './sources.ts';

/** How often BIRD is asked for its sessions, in milliseconds. */
const sessionsEveryMs = 1000;

export interface Bird {
  readonly manager: BirdManager;
  readonly announcer: BirdAnnouncer;
  /** Whether BIRD puts BGP routes into the kernel. */
  readonly kernelExport: boolean;
}

/** @throws FlockError FLOCK_BIRD_BLIND in learn mode, when BIRD could learn none of our routes on this machine */
export async function openBird(
  context: AgentContext,
  { nodeConfig }: Sources,
  settings: SysctlWatch,
  metrics: Metrics,
): Promise<Bird> {
  const { config, log, clock, socket, stops } = context;
  const kernelExport = await mayExportToKernel({ config, socket, log });
  const { mode, config: configPath, socket: socketPath } = config.bird;
  const whyBlind = () => whyBirdIsBlind(config.routes.nexthops);
  const manager = new BirdManager({
    mode,
    configPath,
    socketPath,
    routes: routeIdentityOf(config.routes),
    kernelExport,
    whyBlind,
    log,
  });
  stops.add(() => manager.close());
  // A cluster's node config may not be loaded yet, and may set another mode: then the manager checks it later.
  const isModeKnown = nodeConfig.snapshot() !== undefined || config.nodeConfig.source === 'file';
  const blind = whyBlind();
  if (blind !== undefined && isModeKnown && manager.modeOf(nodeConfig.snapshot()) === 'learn') throw blind;
  const followPrefixes = openPrefixRoutes(context);
  const announcer = new BirdAnnouncer({
    bird: manager,
    nodeConfig: new ForwardedPrefixes(nodeConfig, settings),
    clock,
    settleMs: config.reconcile.settleMs,
    onOutcome: (outcome, applied) => {
      metrics.birdUp.set(outcome.state === 'applied' || outcome.state === 'unchanged' ? 1 : 0);
      followPrefixes(outcome, applied);
    },
  });
  announcer.start();
  stops.add(() => announcer.stop());
  return { manager, announcer, kernelExport };
}

/** Whether BIRD learns routes of these identities by now, or has none to learn: a change of its configuration takes a moment. */
export async function isLearning(
  { manager }: Bird,
  { nodeConfig }: Sources,
  identities: readonly RouteIdentity[],
): Promise<boolean> {
  const config = nodeConfig.snapshot();
  if (config === undefined || manager.modeOf(config) === 'filter') return true;
  const protocols = identities.flatMap(({ table }) => tableProtocols(table));
  return areUp(protocols, await manager.query('show protocols'));
}

/** Compares what BIRD exports with what the kernel announces, until the agent stops. */
export function repairExports(
  { config, clock, log, stops }: AgentContext,
  { manager }: Bird,
  { nodeConfig }: Sources,
  table: RouteTable,
  reconciler: AnycastReconciler,
): void {
  const repair = new ExportRepair({
    audit: new ExportAudit({
      query: command => manager.query(command),
      // In filter mode BIRD announces its own static routes, so there is nothing to compare.
      peers: () => {
        const now = nodeConfig.snapshot();
        // A blind BIRD exports none of ours, which no repair changes; the manager says why.
        if (whyBirdIsBlind(config.routes.nexthops) !== undefined) return [];
        return manager.modeOf(now) === 'learn' ? (now?.bgp.peers ?? []) : [];
      },
    }),
    announced: () => table.announced,
    reannounce: destinations => reconciler.reannounce(destinations),
    reload: () => {
      const { reload } = traitsOf(manager.status().version);
      return Promise.all(
        learningProtocols(config.routes.table).map(name => manager.query(`${reload} '${name}'`)),
      );
    },
    clock,
    everyMs: config.reconcile.auditMs,
    log,
  });
  stops.add(() => repair.stop());
  repair.start();
}

/** Follows the BGP sessions for as long as the agent runs. */
export function watchSessions(
  { clock, log, stops }: AgentContext,
  { manager, kernelExport }: Bird,
  { nodeConfig }: Sources,
  table: RouteTable,
): SessionWatch {
  const watch = new SessionWatch({
    query: command => manager.query(command),
    peers: () => nodeConfig.snapshot()?.bgp.peers,
    announced: () => table.announced,
    kernelExport,
    clock,
    everyMs: sessionsEveryMs,
    log,
  });
  stops.add(() => watch.stop());
  watch.start();
  return watch;
}

/** Families that a configured peer carries; what none carries is announced to nobody. Both before a config is known. */
export function carriedFamilies({ nodeConfig }: Pick<Sources, 'nodeConfig'>): ReadonlySet<Family> {
  const peers = nodeConfig.snapshot()?.bgp.peers;
  if (peers === undefined) return bothFamilies;
  const carried = new Set(peers.flatMap(({ families }) => families));
  return new Set([...bothFamilies].filter(family => carried.has(`ipv${family}`)));
}
