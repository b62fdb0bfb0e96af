/** Stops everything that a piece of work started, in reverse order, also when the work fails. */
import type { Host } from '../test/support/node-lab.ts';

export async function withHost<T>(work: (host: Host) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  try {
    return await work({ teardown: end => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
