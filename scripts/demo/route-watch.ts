/**
 * The times of a kernel's route changes, from `ip monitor`, which is independent of our code and of BIRD.
 * It adds a time stamp when it reads a notification, so delays of our own event loop are not measured.
 */
import { nodes } from '../../test/support/anycast-net/plan.ts';
import type { Topology } from '../../test/support/anycast-net/topology.ts';
import { KernelWatch } from '../../test/support/kernel-watch.ts';
import type { Namespace } from '../../test/support/lab.ts';
import { type Destination, destinations, difference, type Expectation } from './kernel-routes.ts';
import { until } from './until.ts';

export class RouteWatch {
  readonly #namespace: Namespace;
  readonly #kernel: KernelWatch;

  private constructor(namespace: Namespace, kernel: KernelWatch) {
    this.#namespace = namespace;
    this.#kernel = kernel;
  }

  static async start(namespace: Namespace): Promise<RouteWatch> {
    return new RouteWatch(namespace, await KernelWatch.start(namespace));
  }

  /** How often the anycast routes have changed since `since`, in milliseconds of the epoch. */
  changesSince(since: number): number {
    return this.#kernel.seen.filter(
      ({ at, what }) => at >= since && destinations.some(({ address }) => address === what),
    ).length;
  }

  /**
   * Waits until both families have changed and are as expected.
   *
   * @param since milliseconds of the epoch
   * @returns milliseconds from `since` to the last change that made it so
   */
  async settled(expected: Expectation, since: number, signal: AbortSignal): Promise<number> {
    const moments = await Promise.all(
      destinations.map(destination => this.#settledAt(destination, expected, since, signal)),
    );
    return Math.max(...moments) - since;
  }

  async #settledAt(
    destination: Destination,
    expected: Expectation,
    since: number,
    signal: AbortSignal,
  ): Promise<number> {
    let wrong: string | undefined;
    return until({
      signal,
      intervalMs: 1,
      probe: async () => {
        wrong = await difference(this.#namespace, destination, expected);
        if (wrong !== undefined) return undefined;
        return this.#kernel.seen.findLast(({ at, what }) => what === destination.address && at >= since)?.at;
      },
      seen: () =>
        wrong ?? `${destination.address} in ${this.#namespace.role}'s kernel: no change was reported`,
    });
  }
}

/** One for the router and one for each node, by name. */
export async function watchRoutes({ router, nodes: spaces }: Topology): Promise<Map<string, RouteWatch>> {
  const watched = [router, ...nodes.map(({ name }) => spaces.get(name))].filter(space => space !== undefined);
  return new Map(
    await Promise.all(watched.map(async space => [space.role, await RouteWatch.start(space)] as const)),
  );
}
