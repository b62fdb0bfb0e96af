/**
 * When a kernel's routes changed, as `ip monitor` saw it: an observer that is neither ours nor BIRD.
 * It stamps a notification when it reads it, so that our own event loop is in no measurement.
 */
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { eventually, type Namespace } from '../../test/support/lab.ts';
import { type Destination, destinations, difference, type Expectation } from './kernel-routes.ts';
import { until } from './until.ts';

interface Change {
  /** Milliseconds of the Unix epoch, with a fraction. */
  at: number;
  address: string;
}

/** A route that harms nobody: in loopback's own net. */
const probe = '127.53.53.53';

export class RouteWatch {
  readonly #namespace: Namespace;
  readonly #changes: Change[] = [];

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  static async start(namespace: Namespace): Promise<RouteWatch> {
    const watch = new RouteWatch(namespace);
    const child = namespace.spawn('ip', ['-N', '-ts', '-o', 'monitor', 'route'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      // It stamps in local time.
      env: { ...process.env, TZ: 'UTC' },
    });
    if (child.stdout === null || child.pid === undefined) throw new Error('ip monitor did not start');
    goFirst(child.pid);
    createInterface(child.stdout).on('line', line => watch.#take(line));
    // It does not say when it begins to listen; a route of our own that it reports does.
    await eventually(`ip monitor in ${namespace.role}`, async () => {
      await namespace.ipBatch([`route replace ${probe} dev lo`, `route del ${probe} dev lo`]);
      return watch.#changes.some(({ address }) => address === probe);
    });
    return watch;
  }

  /** A line is `[2026-11-24T02:20:01.123456] 192.0.2.53 via …`, or `… Deleted 192.0.2.53 via …`. */
  #take(line: string): void {
    const [, second, fraction, address] = /^\[(\S+)(\.\d{6})\] (?:Deleted )?(\S+)/.exec(line) ?? [];
    if (second === undefined || address === undefined) return;
    this.#changes.push({ at: Date.parse(`${second}Z`) + Number(fraction) * 1000, address });
  }

  /** How often the anycast routes changed since `since`, in milliseconds of the epoch. */
  changesSince(since: number): number {
    return this.#changes.filter(
      ({ at, address }) => at >= since && destinations.some(destination => destination.address === address),
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
        return this.#changes.findLast(({ at, address }) => address === destination.address && at >= since)
          ?.at;
      },
      seen: () =>
        wrong ?? `${destination.address} in ${this.#namespace.role}'s kernel: no change was reported`,
    });
  }
}

/** An observer that waits for its turn stamps the end of its wait. Not every user may ask for this. */
function goFirst(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Then its stamps are late by what others compute meanwhile: a few milliseconds at most.
  }
}
