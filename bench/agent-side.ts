/**
 * The agent's parts from the sources to the kernel and BIRD, connected as in lib/agent/agent.ts, with sources in
 * memory: a flip begins with the manifest's bytes, and each stage can be timed.
 */

import { systemClock } from '../lib/base/clock.ts';
import { createLog } from '../lib/base/log.ts';
import type { Source } from '../lib/base/source.ts';
import { TimeSlice } from '../lib/base/time-slice.ts';
import { BirdAnnouncer } from '../lib/bird/announcer.ts';
import { BirdManager, type BirdManagerOptions, type BirdOutcome } from '../lib/bird/manager.ts';
import type { AllocationView } from '../lib/desired/views.ts';
import { AnycastReconciler, DesiredTable, type NodeConfig, PodCache, type RouteTable } from '../lib/index.ts';
import type { GroupForm } from '../lib/kernel/groups/group-form.ts';
import { createKernelSide } from '../lib/kernel/kernel-side.ts';
import type { RouteProgrammer } from '../lib/kernel/route-programmer.ts';
import { Metrics } from '../lib/observe/metrics.ts';
import { Reporter } from '../lib/observe/reporter.ts';
import { podFromManifest } from '../lib/sources/pods/pod.ts';
import type { Host } from '../test/support/node-lab.ts';
import { MemorySource } from './memory-source.ts';
import { type BenchPod, manifestOf } from './population.ts';
import { TimedSocket } from './timed-socket.ts';

const protocols = { advertise: 70, hold: 71 };
/** The identity of our routes in the kernel. */
export const owned = { table: 254, metric: 16, protocols };
const auditMs = 30_000;

export interface AgentSideOptions {
  netns: string;
  /** How long a withdrawn route still forwards, in milliseconds. */
  settleMs?: number;
  /** The kind of nexthop group that routes use; default: none. */
  groups?: GroupForm;
  /** Default: no announcer, as in learn mode without a change of BIRD's configuration. */
  bird?: Pick<BirdManagerOptions, 'mode' | 'configPath' | 'socketPath'> & {
    nodeConfig: NodeConfig;
    onOutcome?: (outcome: BirdOutcome) => void;
  };
}

export class AgentSide {
  readonly pods = new PodCache();
  readonly allocations: MemorySource;
  readonly socket: TimedSocket;
  readonly table: RouteTable;
  readonly programmer: RouteProgrammer;
  readonly reconciler: AnycastReconciler;
  /** How many calls have written to the kernel, and how many requests they had. */
  batches = 0;
  requests = 0;
  /** Called when a pass reads the changes of the sources, and when all of them are in the kernel. */
  onPassBegins: () => void = () => {};
  onPassEnds: () => void = () => {};
  /** Added to the clock, so that deadlines come at once. */
  #ahead = 0;

  constructor(socket: TimedSocket, { settleMs = 50, groups, bird }: AgentSideOptions, host: Host) {
    const clock = { now: () => systemClock.now() + this.#ahead, after: systemClock.after };
    const slice = new TimeSlice(clock.now);
    const log = createLog('silent');
    const announcer = bird && announcerOf(bird, settleMs, clock, host);
    const { links, table, programmer } = createKernelSide({
      socket,
      routes: owned,
      groups,
      settleMs,
      auditMs,
      stillAnnounced: destination => announcer?.isWithdrawn(destination) === false,
      now: clock.now,
      log,
      slice,
    });
    this.socket = socket;
    this.allocations = new MemorySource();
    this.table = table;
    this.programmer = programmer;
    const reporter = new Reporter({ log, metrics: new Metrics(), links, table });
    this.reconciler = new AnycastReconciler({
      pods: this.pods as Source<ReturnType<typeof podFromManifest>>,
      allocations: this.#observedAllocations(),
      desired: new DesiredTable({ terminatingMs: 5000, longestMs: 300_000, notReadyMs: 0 }),
      table: this.table,
      programmer,
      ...(announcer && { announcer }),
      reporter: {
        warned: warning => reporter.warned(warning),
        passFailed: error => reporter.passFailed(error),
        passed: (outcome, ms, first) => {
          this.onPassEnds();
          if (outcome.requests.length > 0) this.batches++;
          this.requests += outcome.requests.length;
          reporter.passed(outcome, ms, first);
        },
      },
      clock,
      tickMs: 2000,
      slice,
    });
  }

  static async start(host: Host, options: AgentSideOptions): Promise<AgentSide> {
    const socket = new TimedSocket({ netns: options.netns });
    host.teardown(() => socket.close());
    const side = new AgentSide(socket, options, host);
    await side.programmer.start();
    host.teardown(() => side.programmer.stop());
    return side;
  }

  /** Sets the pods, all Ready, and waits until their routes are in the kernel. */
  async populate(pods: readonly BenchPod[]): Promise<void> {
    this.allocations.replace(pods);
    this.pods.replace(pods.map(pod => podFromManifest(JSON.parse(manifestOf(pod, true)), 'bench')));
    await this.settle();
    // The first audit is due a second after the start.
    this.#ahead += 1000;
    await this.settle();
  }

  /** Takes a pod's manifest, as a source delivers it. */
  take(manifest: string): void {
    this.pods.upsert(podFromManifest(JSON.parse(manifest), 'bench'));
  }

  /** Runs passes until nothing is left to do now or soon. */
  async settle(): Promise<void> {
    do {
      await this.reconciler.reconcile();
      const wait = this.table.nextDeadline - systemClock.now() - this.#ahead;
      if (Number.isFinite(wait) && wait > 0)
        await new Promise(resolve => systemClock.after(wait, () => resolve(0)));
    } while (this.table.busy || Number.isFinite(this.table.nextDeadline));
  }

  /** Makes the next pass audit. */
  auditNext(): void {
    this.#ahead += auditMs + 1;
  }

  /** The reconciler reads `synced` at the moment when it begins to read the changes. */
  #observedAllocations(): Source<AllocationView> {
    const { allocations } = this;
    const begins = () => this.onPassBegins();
    return {
      get synced() {
        begins();
        return allocations.synced;
      },
      snapshot: () => allocations.snapshot(),
      onChange: listener => allocations.onChange(listener),
    };
  }
}

function announcerOf(
  { mode, nodeConfig, onOutcome = () => {}, ...paths }: NonNullable<AgentSideOptions['bird']>,
  settleMs: number,
  clock: typeof systemClock,
  host: Host,
): BirdAnnouncer {
  const bird = new BirdManager({
    mode,
    ...paths,
    routes: owned,
    kernelExport: true,
    log: createLog('silent'),
  });
  host.teardown(() => bird.close());
  const source = { snapshot: () => nodeConfig, onChange: () => () => {} };
  return new BirdAnnouncer({ bird, nodeConfig: source, clock, settleMs, onOutcome });
}
