/** Ends what a piece of work began, last begun first, whatever becomes of the work. */
import type { Host } from '../test/support/node-lab.ts';

export async function withHost<T>(work: (host: Host) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  try {
    return await work({ teardown: end => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
