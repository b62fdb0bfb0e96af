/**
 * The composition root: creates and connects all parts of the agent. Data flows
 *
 *     sources -> desired -> kernel -> BIRD, and observation of all of them
 *
 * BIRD's part is made before the kernel's, which asks it whether a destination is still announced.
 */
import { constants, setPriority } from 'node:os';
import { requireNetAdmin } from '../base/capabilities.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Openings } from '../base/openings.ts';
import { PodLog } from '../base/pod-log.ts';
import { Stops } from '../base/stops.ts';
import { TimeSlice } from '../base/time-slice.ts';
import type { BirdAnnouncer } from '../bird/announcer.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { type RouteIdentity, routeIdentityOf } from '../config/route-identity.ts';
import { groupFormOf } from '../kernel/groups/group-form.ts';
import { createKernelSide, type KernelSide } from '../kernel/kernel-side.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';
import { Metrics } from '../observe/metrics.ts';
import { Reporter } from '../observe/reporter.ts';
import { IdentityChange, openIdentityMemory } from '../ownership/identity-change.ts';
import type { IdentityMemory } from '../ownership/identity-memory.ts';
import { claimNamespace } from '../ownership/namespace-claim.ts';
import { type Bird, carriedFamilies, isLearning, openBird, repairExports, watchSessions } from './bird.ts';
import type { AgentContext } from './context.ts';
import { followDraining } from './draining.ts';
import { followNodeReady, openDesired } from './holding.ts';
import { fitToKernel } from './kernel-fit.ts';
import { warnOfNetworkd } from './networkd.ts';
import { followForwarding, watchSettings } from './node-settings.ts';
import { openObservation } from './observation.ts';
import { AnycastReconciler } from './reconciler.ts';
import { openSources, type Sources } from './sources.ts';
import { withdraw } from './withdraw.ts';

/** What an agent is started with. */
export interface AgentOptions {
  config: ResolvedAgentConfig;
  log: Log;
  /** Aborts to stop. */
  signal: AbortSignal;
  /** Drain everything before stopping; otherwise the programmed routes stay. */
  withdrawOnExit?: boolean;
}

/**
 * Runs the agent until `signal` aborts.
 *
 * @throws FlockError when it can not start: FLOCK_NO_NET_ADMIN, FLOCK_ALREADY_RUNNING,
 *   FLOCK_NATIVE_MISSING, FLOCK_NO_NEXTHOP_GROUPS, FLOCK_BIRD_BLIND, or an error of a source
 */
export async function runAgent({
  config: wanted,
  log,
  signal,
  withdrawOnExit = false,
}: AgentOptions): Promise<void> {
  requireNetAdmin();
  takePriority();
  const stops = new Stops();
  try {
    await claimOneAgent(log, stops);
    const context = await openContext(wanted, log, stops);
    const { config } = context;
    const metrics = new Metrics();

    const sources = await openSources(context);
    const settings = await watchSettings(context, sources);
    const bird = await openBird(context, sources, settings, metrics);
    const kernel = await openKernel(context, bird.announcer);
    const formerRoutes = await moveFormerRoutes(context, bird, sources, signal);

    const desired = openDesired(context, sources, metrics);
    const reconciler = new AnycastReconciler({
      pods: sources.pods,
      allocations: sources.allocations,
      desired,
      table: kernel.table,
      programmer: kernel.programmer,
      announcer: bird.announcer,
      formerRoutes,
      reporter: new Reporter({
        log,
        podLog: context.podLog,
        metrics,
        links: kernel.links,
        table: kernel.table,
        carried: () => carriedFamilies(sources),
      }),
      clock: context.clock,
      tickMs: config.reconcile.tickMs,
      slice: context.slice,
    });
    followDraining(sources, reconciler);
    followForwarding(settings, reconciler);
    kernel.programmer.onLinks(names => settings.linksChanged(names));
    followNodeReady(context, sources, desired, reconciler);
    repairExports(context, bird, sources, kernel.table, reconciler);
    const sessions = watchSessions(context, bird, sources, kernel.table);
    const observed = { sources, desired, table: kernel.table, bird, sessions, settings, metrics };
    await openObservation(context, observed);

    const mode = bird.manager.modeOf(sources.nodeConfig.snapshot());
    log.info({ node: config.node.name, bird: mode }, 'started');
    await reconciler.run(signal);
    if (withdrawOnExit) await withdraw(reconciler, kernel.table, config.drain.terminatingMs, log);
    else log.info('stopped; routes stay in place');
  } finally {
    await stops.run();
  }
}

/** Two agents in one network namespace would undo each other's routes. */
async function claimOneAgent(log: Log, stops: Stops): Promise<void> {
  const remedy = 'nothing has to be done: this agent claims the namespace by another name';
  const claim = await claimNamespace('run', message =>
    log.warn({ code: 'CLAIM_NAME_TAKEN', remedy }, message),
  );
  stops.add(() => claim.release());
}

async function openContext(wanted: ResolvedAgentConfig, log: Log, stops: Stops): Promise<AgentContext> {
  const socket = new RouteSocket();
  stops.add(() => socket.close());
  const abilities = await socket.abilities();
  const config = fitToKernel(wanted, abilities, log);
  const clock = systemClock;
  const podLog = new PodLog(log, { clock });
  stops.add(() => podLog.stop());
  const slice = new TimeSlice(() => clock.now());
  return { config, abilities, log, podLog, clock, slice, socket, openings: new Openings(), stops };
}

/** The route table and the programmer, which has started. */
async function openKernel(
  { config, abilities, log, clock, slice, socket, stops }: AgentContext,
  announcer: BirdAnnouncer,
): Promise<KernelSide> {
  const { routes, reconcile } = config;
  warnOfNetworkd(routes.nexthops, log);
  const kernel = createKernelSide({
    socket,
    routes,
    groups: groupFormOf(routes, abilities.heaviestMember),
    settleMs: reconcile.settleMs,
    auditMs: reconcile.auditMs,
    stillAnnounced: destination => !announcer.isWithdrawn(destination),
    now: () => clock.now(),
    log,
    slice,
  });
  await kernel.programmer.start();
  stops.add(() => kernel.programmer.stop());
  return kernel;
}

/** Moves routes of former configurations to the present table, metric and protocol numbers. */
async function moveFormerRoutes(
  context: AgentContext,
  bird: Bird,
  sources: Sources,
  signal: AbortSignal,
): Promise<IdentityChange> {
  const { config, log, stops } = context;
  const present = routeIdentityOf(config.routes);
  const memory = await openIdentityMemory(config.state.path, log);
  await rememberIdentity(context, memory, present);
  const change = new IdentityChange({
    memory,
    present,
    settleMs: config.reconcile.settleMs,
    learnAlso: former => bird.announcer.learnAlso(former),
    isLearning: identities => isLearning(bird, sources, identities),
    isWithdrawn: destination => bird.announcer.isWithdrawn(destination),
    log,
  });
  stops.add(() => change.stop());
  await change.begin(signal);
  return change;
}

/** On disk before the first route that has it, if the disk takes it by then; otherwise as soon as it does. */
async function rememberIdentity(
  { config, log, clock, stops, openings }: AgentContext,
  memory: IdentityMemory,
  present: RouteIdentity,
): Promise<void> {
  const opening = openings.add('state-file', {
    open: async () => {
      await memory.remember(present);
      return () => {};
    },
    opened: `the state file ${config.state.path} is written`,
    clock,
    log,
  });
  stops.add(() => opening.stop());
  await opening.tried;
}

/**
 * When the kernel deletes a veth, it drops the IPv4 routes through it, with their other nexthops. BIRD gets the same
 * notification at the same moment, and withdraws them unless the agent writes them first. Without the right to a
 * higher priority (CAP_SYS_NICE), the agent runs with the default one.
 */
function takePriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_ABOVE_NORMAL);
  } catch {
    // Not permitted: see above.
  }
}
