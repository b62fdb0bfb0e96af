/** The network of the demo: flips pods, waits for the kernels, and records how long that took. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodePlan, nodes, type PodPlan } from '../../test/support/anycast-net/plan.ts';
import type { Topology } from '../../test/support/anycast-net/topology.ts';
import type { Namespace } from '../../test/support/lab.ts';
import { destinations, difference, type Expectation, protocols } from './kernel-routes.ts';
import type { PodFiles } from './pod-files.ts';
import type { RouteWatch } from './route-watch.ts';
import { until } from './until.ts';

export interface Flip {
  what: string;
  /** Milliseconds from the change of the pod's file to the change of its node's kernel, both families. */
  kernelMs: number;
  /** The same for the router's kernel; null where its routes do not change. */
  routerMs: number | null;
}

export interface StageParts {
  topology: Topology;
  podFiles: PodFiles;
  /** One for the router and one for each node, by name. */
  watches: ReadonlyMap<string, RouteWatch>;
  /** Records each flip. */
  flips: Flip[];
  signal: AbortSignal;
}

export class Stage {
  readonly topology: Topology;
  readonly signal: AbortSignal;
  readonly #flips: Flip[];
  readonly #podFiles: PodFiles;
  readonly #watches: ReadonlyMap<string, RouteWatch>;
  readonly #ready = new Set<PodPlan>();

  constructor({ topology, podFiles, watches, flips, signal }: StageParts) {
    this.topology = topology;
    this.signal = signal;
    this.#flips = flips;
    this.#podFiles = podFiles;
    this.#watches = watches;
  }

  /** The expected routes of the router's kernel: a path through every node with a Ready pod. */
  routerExpectation(): Expectation {
    const announcing = nodes.filter(node => node.pods.some(pod => this.#ready.has(pod)));
    return { protocol: protocols.bird, interfaces: announcing.map(node => node.routerInterface) };
  }

  /** Flips a pod and waits until the kernels of its node and of the router are as they should be. */
  async flip(pod: PodPlan, ready: boolean): Promise<Flip & { at: number }> {
    const before = this.routerExpectation();
    if (ready) this.#ready.add(pod);
    else this.#ready.delete(pod);
    const after = this.routerExpectation();
    const routerChanges = before.interfaces.join() !== after.interfaces.join();

    const at = this.#podFiles.setReady(pod, ready);
    const [kernelMs, routerMs] = await Promise.all([
      this.#watch(pod.node).settled(this.#nodeExpectation(pod.node), at, this.signal),
      routerChanges ? this.#watch('router').settled(after, at, this.signal) : null,
    ]);
    if (!routerChanges) await this.#routerStays(after, at);
    const flip = { what: `${pod.name} ${ready ? 'Ready' : 'not Ready'}`, kernelMs, routerMs };
    this.#flips.push(flip);
    return { ...flip, at };
  }

  /** Waits until both anycast routes of a kernel are as expected. */
  async expect(namespace: Namespace, expected: Expectation): Promise<void> {
    for (const destination of destinations) {
      let wrong: string | undefined;
      await until({
        signal: this.signal,
        probe: async () => {
          wrong = await difference(namespace, destination, expected);
          return wrong === undefined ? true : undefined;
        },
        seen: () => wrong ?? 'nothing',
      });
    }
  }

  #nodeExpectation(name: string): Expectation {
    const pods = (nodes.find(node => node.name === name) as NodePlan).pods;
    return {
      protocol: protocols.advertised,
      interfaces: pods.filter(pod => this.#ready.has(pod)).map(pod => pod.hostInterface),
    };
  }

  /** When a node has one Ready pod more or less, and still one, the router must not see any change. */
  async #routerStays(expected: Expectation, since: number): Promise<void> {
    // Longer than a change takes to reach the router.
    await sleep(100, undefined, { signal: this.signal });
    await this.expect(this.topology.router, expected);
    const changes = this.#watch('router').changesSince(since);
    if (changes > 0) throw new Error(`the router's kernel: expected no change, saw ${changes}`);
  }

  #watch(name: string): RouteWatch {
    return this.#watches.get(name) as RouteWatch;
  }
}
