/** The real system: the agent's parts on a real kernel, with a real BIRD. Steps are carried out here. */

import { AnycastReconciler } from '../../lib/agent/reconciler.ts';
import { systemClock } from '../../lib/base/clock.ts';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';
import { type BirdProcess, startBird } from '../support/bird.ts';
import { HandSource } from '../support/hand-source.ts';
import { createNodeLab, type Host, type NodeLab, routesOf } from '../support/node-lab.ts';
import { advertise, everyForm, hold, type Program, program } from '../support/program.ts';
import { podCount, viaOf, type World } from './world.ts';

/** Where a failure that nobody awaits is told. */
export interface ModelHost extends Host {
  fail(message: string): void;
}

interface Agent {
  parts: Program;
  stop: AbortController;
  done: Promise<void>;
}

/** Large enough for one notification: any burst overruns it. */
const tinyBuffer = 2048;
/** BIRD as the agent would have it, without a peer. */
const birdConfig = `router id 192.0.2.11;
protocol device { }
protocol kernel { learn; ipv4 { import where krt_source = 70; export none; }; }
protocol kernel { learn; ipv6 { import where krt_source = 70; export none; }; }
`;

export class System {
  readonly lab: NodeLab;
  readonly overruns = { seen: 0 };
  readonly #t: ModelHost;
  readonly #pods = new HandSource<PodView>();
  readonly #allocations = new HandSource<AllocationView>();
  /** The form of the agent's routes. */
  #form: string;
  #agent: Agent | undefined;
  #bird: BirdProcess;

  private constructor(t: ModelHost, lab: NodeLab, bird: BirdProcess, form: string) {
    this.#t = t;
    this.#form = form;
    this.lab = lab;
    this.#bird = bird;
  }

  /** @param form of the first agent's routes, a key of `everyForm` */
  static async create(t: ModelHost, world: World, form: string): Promise<System> {
    const lab = await createNodeLab(t, podCount);
    await lab.lab.link(lab.node, 'uplink', lab.pods, 'uplink');
    await lab.node.configure('uplink', '10.1.100.1/24', 'fd00:1:100::1/64');
    await lab.pods.configure('uplink', '10.1.100.2/24', 'fd00:1:100::2/64');
    const system = new System(t, lab, await startBird(lab.node, { name: 'bird', config: birdConfig }), form);
    for (const index of world.pods.keys()) {
      system.tellPod(world, index);
      system.tellAllocation(world, index);
    }
    await system.#startAgent();
    return system;
  }

  tellPod({ pods }: World, index: number): void {
    const { uid, ready, terminating } = pods[index] as World['pods'][number];
    this.#pods.set(`ns/${index}`, uid === undefined ? undefined : { uid, ready, terminating });
  }

  tellAllocation({ pods }: World, index: number): void {
    const allocation = pods[index]?.allocation;
    this.#allocations.set(
      `ns/${index}`,
      allocation && {
        uid: allocation.uid,
        hostInterface: `p${index}`,
        ipv4: viaOf(index, 4),
        ipv6: viaOf(index, 6),
        anycast: allocation.destinations.map(destination => destination.replace(/\/.*/, '')),
        addresses: [],
        state: 'committed',
      },
    );
  }

  /**
   * As kill -9 does: nothing is tidied up, and the next one starts from the kernel alone. It leads to nexthops
   * in another form than the one before.
   */
  async restartAgent(): Promise<void> {
    await this.#stopAgent();
    const forms = Object.keys(everyForm);
    this.#form = forms[(forms.indexOf(this.#form) + 1) % forms.length] as string;
    await this.#startAgent();
  }

  async restartBird(): Promise<void> {
    await this.#bird.kill();
    this.#bird = await startBird(this.lab.node, { name: 'bird', config: birdConfig });
  }

  /** A burst of others' changes at our metric, too many for the monitor. */
  async overrun(): Promise<void> {
    const routes = Array.from({ length: 200 }, (_, index) => `198.51.100.${index}/32`);
    await this.lab.node.ipBatch([
      ...routes.map(route => `route add ${route} via 10.1.100.2 metric 16 proto 97`),
      ...routes.map(route => `route del ${route} metric 16 proto 97`),
    ]);
  }

  /** Our routes now: nexthops by destination; a held one is marked. */
  async routes(): Promise<Map<string, string[]>> {
    const [announced = [], held = []] = await Promise.all(
      [advertise, hold].map(protocol => routesOf(this.lab.node, protocol)),
    );
    return new Map([
      ...announced.map(({ destination, nexthops }) => [destination, nexthops] as const),
      ...held.map(({ destination, nexthops }) => [`${destination} held`, nexthops] as const),
    ]);
  }

  /** A description of unused groups and nexthops; undefined when there are none. */
  async leftover(): Promise<string | undefined> {
    const { node } = this.lab;
    const objects = await node.ipJson<{ id: number; group?: { id: number }[] }[]>('nexthop', 'show');
    const routes = await Promise.all(
      ['-4', '-6'].map(family => node.ipJson<{ nhid?: number }[]>(family, 'route', 'show')),
    );
    const used = new Set([
      ...routes.flat().map(({ nhid }) => nhid),
      ...objects.flatMap(({ group = [] }) => group.map(({ id }) => id)),
    ]);
    const idle = objects.filter(({ id }) => !used.has(id)).map(({ id }) => id);
    return idle.length > 0 ? `nobody uses the nexthop objects ${idle}` : undefined;
  }

  /** Other owners' routes now: with our key, and with other keys. */
  async foreign(): Promise<{ conflicts: string[]; foreign: string[] }> {
    const [conflicts = [], foreign = []] = await Promise.all(
      [99, 98].map(async protocol =>
        (await routesOf(this.lab.node, protocol)).map(route => route.destination),
      ),
    );
    return { conflicts, foreign };
  }

  /** The agent's own state, for the report of a failure. */
  describe(): string {
    const { table, events } = (this.#agent as Agent).parts;
    const lastEvents = events
      .slice(-10)
      .map(({ kind, destination, message }) => ({ kind, destination, message }));
    return JSON.stringify({ form: this.#form, failures: [...table.failures()], lastEvents });
  }

  async stop(): Promise<void> {
    await this.#stopAgent();
    await this.#bird.kill();
    await this.lab.lab.destroy();
  }

  async #startAgent(): Promise<void> {
    const stop = new AbortController();
    const parts = await program(this.#t, this.lab, {
      receiveBuffer: tinyBuffer,
      groups: everyForm[this.#form],
    });
    const reconciler = new AnycastReconciler({
      pods: this.#pods,
      allocations: this.#allocations,
      desired: new DesiredTable({ terminatingMs: 40, longestMs: 1000, notReadyMs: 0 }),
      table: parts.table,
      programmer: parts.programmer,
      reporter: {
        passed: ({ events }) => void parts.events.push(...events),
        passFailed: error => {
          // So small a buffer now and then loses a part of a dump too; the agent reads again on its tick.
          if ((error as NodeJS.ErrnoException).code !== 'ENOBUFS') this.#t.fail(String(error));
        },
        warned: () => {},
      },
      clock: systemClock,
      tickMs: 2000,
    });
    this.#agent = { parts, stop, done: reconciler.run(stop.signal) };
  }

  async #stopAgent(): Promise<void> {
    const { parts, stop, done } = this.#agent as Agent;
    stop.abort();
    await done;
    this.overruns.seen += parts.overruns();
    await parts.stop();
  }
}
