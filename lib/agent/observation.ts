/** What the agent reports: Events on pods, the status of its NodeConfig, and `/metrics`, `/healthz`, `/status`. */
import { droppedLines } from '../base/log.ts';
import { peerStates } from '../bird/peer-states.ts';
import type { SessionWatch } from '../bird/session-watch.ts';
import type { DesiredTable } from '../desired/desired-table.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { Metrics } from '../observe/metrics.ts';
import { serveObservations } from '../observe/server.ts';
import { type Finding, findingCodes } from '../sysctl/checks.ts';
import { inFew } from '../sysctl/in-few.ts';
import type { SysctlWatch } from '../sysctl/sysctl-watch.ts';
import { type Bird, carriedFamilies } from './bird.ts';
import type { AgentContext } from './context.ts';
import { heldWords } from './holding.ts';
import { openPodEvents } from './pod-events.ts';
import { isSynced, type Sources } from './sources.ts';

export interface Observed {
  readonly sources: Sources;
  readonly desired: DesiredTable;
  readonly table: RouteTable;
  readonly bird: Bird;
  readonly sessions: SessionWatch;
  readonly settings: SysctlWatch;
  readonly metrics: Metrics;
}

export async function openObservation(context: AgentContext, observed: Observed): Promise<void> {
  const { config, log, stops } = context;
  const { sources, metrics } = observed;
  const events = await openPodEvents(config, sources.pods, sources.refusals, log);
  stops.add(() => events?.stop());
  metrics.watchRefusals(sources.refusals);
  metrics.watchLostLines(droppedLines, () => context.podLog.unwritten);
  metrics.watchFindings(findingCodes, () => observed.settings.findings);
  sources.cluster?.reportStatus(() => nodeConfigStatusOf(observed));
  metrics.watchOpenings(() => context.openings.states());
  openListener(context, observed);
}

/** Routing does not wait for the listener: its port may be taken, and its address may come later. */
function openListener({ config, log, clock, stops, openings }: AgentContext, observed: Observed): void {
  const { listen, hosts } = config.observe;
  if (listen === undefined) return;
  const listener = openings.add('listener', {
    open: async () => {
      const server = await serveObservations({
        listen,
        hosts,
        registry: observed.metrics.registry,
        healthy: () => isSynced(observed.sources),
        status: () => ({ ...statusOf(config.node.name, observed), beside: openings.states() }),
      });
      return () => {
        server.close();
        server.closeAllConnections();
      };
    },
    opened: `serving /metrics, /healthz and /status at ${listen}`,
    clock,
    log,
  });
  stops.add(() => listener.stop());
}

async function nodeConfigStatusOf({ sources, table, sessions, settings, bird: { manager } }: Observed) {
  const { applied, lastError } = manager.status();
  const { advertised, held, failed } = table.counts(carriedFamilies(sources));
  const peers = sources.nodeConfig.snapshot()?.bgp.peers ?? [];
  return {
    synced: isSynced(sources),
    birdApplied: applied,
    peers: peerStates(peers, await manager.query('show protocols')),
    destinations: { advertised, held, failed },
    // BIRD may say what a setting says too.
    errors: [
      ...new Set([
        ...(lastError === undefined ? [] : [lastError.message]),
        ...inFew(settings.findings.filter(isWorst)),
        ...sessions.problems().map(({ message }) => message),
        ...inFew(settings.findings.filter(each => !isWorst(each))),
      ]),
    ],
  };
}

/** Whether it keeps a whole family from being announced. */
function isWorst({ unforwarded }: Finding): boolean {
  return unforwarded !== undefined;
}

function statusOf(node: string, { sources, desired, table, bird, sessions, settings }: Observed) {
  const { pods, allocations, node: object } = sources;
  return {
    node,
    synced: {
      pods: pods.synced,
      allocations: allocations.synced,
      ...(object !== undefined && { node: object.synced }),
    },
    destinations: table.counts(carriedFamilies(sources)),
    [heldWords]: [...desired.holds.keys].sort(),
    refusals: sources.refusals(),
    failures: [...table.failures()].map(({ destination, failure }) => ({ destination, ...failure })),
    bird: { ...bird.manager.status(), problems: sessions.problems() },
    preflight: settings.findings.map(({ code, message, remedy }) => ({ code, message, remedy })),
  };
}
