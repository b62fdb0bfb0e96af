/** The times of a kernel's route changes, from bench/native/watch.c, on the clock of `process.hrtime.bigint()`. */
import type { Namespace } from '../../test/support/lab.ts';
import type { Host } from '../../test/support/node-lab.ts';
import { startWatch } from '../field.ts';

/** A change to wait for. */
export interface Change {
  address: string;
  gone: boolean;
  /** Route protocol number; any when left out. */
  protocol?: number;
}

const timeoutMs = 20_000;

export class Sightings {
  #waiting: { change: Change; resolve: (at: bigint) => void }[] = [];

  static async of(host: Host, namespace: Namespace): Promise<Sightings> {
    const sightings = new Sightings();
    const { lines, stop } = await startWatch(namespace, 'print');
    host.teardown(stop);
    lines.onLine(line => sightings.#take(line));
    return sightings;
  }

  /** The time of the next such change, in nanoseconds. Call this before the change: earlier ones are not kept. */
  next(change: Change): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const { address, gone } = change;
      const timer = setTimeout(
        () =>
          reject(
            new Error(`${address} ${gone ? 'was not removed' : 'was not added'} within ${timeoutMs} ms`),
          ),
        timeoutMs,
      );
      const waiter = {
        change,
        resolve: (at: bigint) => {
          clearTimeout(timer);
          resolve(at);
        },
      };
      this.#waiting.push(waiter);
    });
  }

  #take(line: string): void {
    const [at = '0', sign, protocol, address] = line.split(' ');
    const met = this.#waiting.filter(
      ({ change }) =>
        change.address === address &&
        change.gone === (sign === '-') &&
        (change.protocol === undefined || change.protocol === Number(protocol)),
    );
    if (met.length === 0) return;
    this.#waiting = this.#waiting.filter(waiter => !met.includes(waiter));
    for (const { resolve } of met) resolve(BigInt(at));
  }
}
