/**
 * The composition root: the one file that knows everybody, in the order in which data flows.
 */
import { constants, setPriority } from 'node:os';
import { requireNetAdmin } from '../base/capabilities.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Pace } from '../base/time-slice.ts';
import { BirdAnnouncer } from '../bird/announcer.ts';
import { ExportAudit } from '../bird/export-audit.ts';
import { ExportRepair } from '../bird/export-repair.ts';
import { BirdManager } from '../bird/manager.ts';
import { peerStates } from '../bird/peer-states.ts';
import { learningProtocols } from '../bird/render.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { NodeConfigCache, type NodeConfigSource } from '../config/node-config.ts';
import { routeIdentityOf } from '../config/route-identity.ts';
import { DesiredTable } from '../desired/desired-table.ts';
import { groupFormOf } from '../kernel/groups/group-form.ts';
import { RouteProgrammer } from '../kernel/route-programmer.ts';
import { RouteTable } from '../kernel/route-table.ts';
import { LinkTable } from '../kernel/socket/link-table.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';
import { Metrics } from '../observe/metrics.ts';
import { Reporter } from '../observe/reporter.ts';
import { serveObservations } from '../observe/server.ts';
import { IdentityChange, openIdentityMemory } from '../ownership/identity-change.ts';
import { claimNamespace } from '../ownership/namespace-claim.ts';
import { PodCache } from '../sources/pods/pod-cache.ts';
import { annotationPrefixes, createAllocations } from './allocations.ts';
import { openPodEvents } from './pod-events.ts';
import { requireGroupSupport, runPreflight } from './preflight.ts';
import { AnycastReconciler } from './reconciler.ts';
import { withdraw } from './withdraw.ts';

export interface AgentOptions {
  config: ResolvedAgentConfig;
  log: Log;
  /** Aborts to stop. */
  signal: AbortSignal;
  /** Drain everything before stopping; otherwise what is programmed stays. */
  withdrawOnExit?: boolean;
}

/**
 * Runs the agent until `signal` aborts.
 *
 * @throws FlockError when it can not start: FLOCK_NO_NET_ADMIN, FLOCK_ALREADY_RUNNING,
 *   FLOCK_NATIVE_MISSING, FLOCK_NO_NEXTHOP_GROUPS, FLOCK_BIRD_BLIND, or of a source
 */
export async function runAgent({ config, log, signal, withdrawOnExit = false }: AgentOptions): Promise<void> {
  requireNetAdmin();
  const { routes, bird: birdConfig } = config;
  const stops: (() => unknown)[] = [];
  let trigger = () => {};
  const clock = systemClock;
  const pace = new Pace(() => clock.now());
  try {
    takePriority();

    // One agent a network namespace.
    const claim = await claimNamespace('run');
    stops.push(() => claim.release());

    // Sources: what is there.
    const socket = new RouteSocket();
    stops.push(() => socket.close());
    const pods = new PodCache();
    const podFeed = await openPodFeed(config, pods, log);
    const { source: allocations, refusals, api } = createAllocations({ config, pods, socket, log });
    const cluster = await openCustomResources(config, log);
    const nodeConfig: NodeConfigSource =
      cluster?.nodeConfig ?? new NodeConfigCache({ path: config.nodeConfig.path, log });
    stops.push(() => (cluster ?? nodeConfig).stop());
    await (cluster ?? nodeConfig).start();
    stops.push(() => allocations.stop());
    await allocations.start();
    stops.push(() => api?.stop());
    await api?.start();
    stops.push(() => podFeed.stop());
    await podFeed.start();

    // Policy: who may use which address.
    const permitted = cluster?.permit({ allocations, pods }) ?? allocations;
    const allRefusals = () => [...refusals(), ...(cluster?.refusals() ?? [])];

    // Kernel: what is programmed.
    const links = new LinkTable();
    const { table: tableId, metric, protocols } = routes;
    const { settleMs, tickMs, auditMs } = config.reconcile;
    await requireGroupSupport(config, socket);
    const groups = groupFormOf(routes);
    const table = new RouteTable({ table: tableId, metric, protocols, settleMs, links, groups });
    const owned = { table: tableId, metric, protocols: [protocols.advertise, protocols.hold] };
    const programmer = new RouteProgrammer({
      socket,
      table,
      links,
      owned,
      auditMs,
      now: () => clock.now(),
      log,
      onChange: () => trigger(),
      pace,
    });
    await programmer.start();
    stops.push(() => programmer.stop());

    // BIRD: what is announced.
    const podInterfaces = new Set(
      [...allocations.snapshot().values()].map(({ hostInterface }) => hostInterface),
    );
    const { kernelExport } = await runPreflight({ config, socket, podInterfaces, log });
    const bird = new BirdManager({
      mode: birdConfig.mode,
      configPath: birdConfig.config,
      socketPath: birdConfig.socket,
      routes: { table: tableId, metric, protocols },
      kernelExport,
      log,
    });
    stops.push(() => bird.close());
    const birdMode = () => nodeConfig.snapshot()?.bird.mode ?? birdConfig.mode;
    const metrics = new Metrics();
    metrics.watchRefusals(allRefusals);
    const announcer = new BirdAnnouncer({
      bird,
      nodeConfig,
      mode: birdMode,
      clock,
      settleMs,
      onSettled: () => trigger(),
      onOutcome: outcome => {
        metrics.birdUp.set(outcome.state === 'applied' || outcome.state === 'unchanged' ? 1 : 0);
        if (outcome.state === 'applied') trigger();
      },
    });

    // What routes of a former configuration have becomes what ours have.
    const present = routeIdentityOf(routes);
    const succession = new IdentityChange({
      memory: await openIdentityMemory(config.state.path, present, log),
      present,
      settleMs,
      learnAlso: former => announcer.learnAlso(former),
      log,
    });
    stops.push(() => succession.stop());
    await succession.begin(signal);

    const loop = new ExportRepair({
      audit: new ExportAudit({
        query: command => bird.query(command),
        // In filter mode BIRD itself says what it announces.
        peers: () => (birdMode() === 'learn' ? (nodeConfig.snapshot()?.bgp.peers ?? []) : []),
      }),
      announced: () => table.announced,
      remind(destinations) {
        for (const destination of destinations) table.remind(destination);
        trigger();
      },
      reload: () => Promise.all(learningProtocols(tableId).map(name => bird.query(`reload '${name}'`))),
      clock,
      everyMs: auditMs,
      log,
    });
    stops.push(() => loop.stop());

    // The way between them, one pass at a time.
    const drainPolicy = { ...config.drain, byWeight: routes.nexthops === 'resilient' };
    const reconciler = new AnycastReconciler({
      pods,
      allocations: permitted,
      desired: new DesiredTable(cluster?.drainPolicy(drainPolicy) ?? drainPolicy),
      table,
      programmer,
      announcer: {
        follow(active) {
          announcer.follow(active);
          succession.afterPass(destination => announcer.isWithdrawn(destination));
        },
        isWithdrawn: destination => announcer.isWithdrawn(destination),
      },
      reporter: new Reporter({ log, metrics, links, table }),
      clock,
      tickMs,
      pace,
    });
    trigger = () => reconciler.trigger();
    const drain = () => {
      const draining = nodeConfig.snapshot()?.node.draining || kubernetesNode?.draining;
      reconciler.withdrawEverything(draining ? Number.POSITIVE_INFINITY : undefined);
      reconciler.trigger();
    };
    const kubernetesNode = await openKubernetesNode(config, log, drain);
    stops.push(() => kubernetesNode?.stop());
    nodeConfig.onChange(drain);
    drain();

    // Observe: what we say of it.
    const events = await openPodEvents(config, pods, allRefusals, log);
    stops.push(() => events?.stop());
    cluster?.reportStatus(async () => {
      const { applied, lastError } = bird.status();
      const { advertised, held, failed } = table.counts();
      return {
        synced: pods.synced && permitted.synced,
        birdApplied: applied,
        peers: peerStates(nodeConfig.snapshot()?.bgp.peers ?? [], await bird.query('show protocols')),
        destinations: { advertised, held, failed },
        errors: lastError === undefined ? [] : [lastError.message],
      };
    });
    if (config.observe.listen !== undefined) {
      const server = await serveObservations({
        listen: config.observe.listen,
        registry: metrics.registry,
        healthy: () => pods.synced && permitted.synced,
        status: () => ({
          node: config.node.name,
          synced: { pods: pods.synced, allocations: permitted.synced },
          destinations: table.counts(),
          refusals: allRefusals(),
          failures: [...table.failures()].map(({ destination, failure }) => ({ destination, ...failure })),
          bird: bird.status(),
        }),
      });
      stops.push(() => server.close());
    }

    loop.start();
    log.info({ node: config.node.name, bird: birdMode() }, 'started');
    await reconciler.run(signal);
    if (withdrawOnExit) await withdraw(reconciler, table, config.drain.terminatingMs, log);
    else log.info('stopped; routes stay in place');
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** Kubernetes is loaded only where it is used: its client is larger than the rest of this program. */
async function openPodFeed(config: ResolvedAgentConfig, cache: PodCache, log: Log) {
  const options = { cache, log, annotationPrefixes: annotationPrefixes(config) };
  if (config.pods.source === 'directory') {
    const { PodDirectory } = await import('../sources/pods/pod-directory.ts');
    return new PodDirectory({ path: config.pods.path, ...options });
  }
  const { KubernetesPods } = await import('../sources/kubernetes/kubernetes-pods.ts');
  const { kubeconfig } = config.pods;
  const { name: nodeName } = config.node;
  return new KubernetesPods({ nodeName, ...options, ...(kubeconfig && { kubeconfig }) });
}

async function openCustomResources(config: ResolvedAgentConfig, log: Log) {
  if (config.nodeConfig.source === 'file') return undefined;
  const { CustomResources } = await import('./custom-resources.ts');
  return new CustomResources(config, log);
}

async function openKubernetesNode(config: ResolvedAgentConfig, log: Log, onChange: () => void) {
  if (config.pods.source !== 'kubernetes') return undefined;
  const { KubernetesNode } = await import('../sources/kubernetes/kubernetes-node.ts');
  const { kubeconfig } = config.pods;
  const { taint, whenUnschedulable } = config.drain;
  const { name: nodeName } = config.node;
  const node = new KubernetesNode({ nodeName, kubeconfig, taint, whenUnschedulable, log, onChange });
  node.start();
  return node;
}

/**
 * When a veth goes, its siblings wait for us, and BIRD, which hears of it in the same moment, withdraws them
 * unless we are first. Where it is not allowed (CAP_SYS_NICE), we are as fast as others let us be.
 */
function takePriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_ABOVE_NORMAL);
  } catch {
    // As above.
  }
}
