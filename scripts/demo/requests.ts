/** Requests from a namespace of the demo, and which pod answered them. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { anycastAddresses, servicePort } from '../../test/support/anycast-net/plan.ts';
import type { Namespace } from '../../test/support/lab.ts';
import type { Answer, LoadSpec } from './load.ts';

const loadProgram = fileURLToPath(new URL('./load.ts', import.meta.url));

/** Below the kernel's ephemeral ports (`ip_local_port_range` begins at 32768); no port is used twice. */
let nextSourcePort = 10_000;

export interface Requests {
  /** The largest number of requests to each anycast address. */
  count: number;
  intervalMs?: number;
}

/** Running requests to both anycast addresses. */
export interface Load {
  /** How many requests have ended, to the address with fewer of them. */
  ended(): number;
  /** Begins no further requests. @returns the outcomes of those that were begun */
  stop(): Promise<Answer[]>;
}

/** Sends requests to both anycast addresses at once. @returns their outcomes */
export async function request(from: Namespace, requests: Requests, signal: AbortSignal): Promise<Answer[]> {
  const perAddress = await Promise.all(
    anycastAddresses.map(address => ask(from, address, requests, signal).answers),
  );
  return perAddress.flat();
}

/** Begins to send requests to both anycast addresses. */
export function startLoad(from: Namespace, requests: Requests, signal: AbortSignal): Load {
  const both = anycastAddresses.map(address => ask(from, address, requests, signal));
  // `stop` rejects on a failure; a failure before that is no unhandled rejection.
  for (const { answers } of both) answers.catch(() => undefined);
  return {
    ended: () => Math.min(...both.map(({ ended }) => ended())),
    async stop() {
      for (const { stop } of both) stop();
      return (await Promise.all(both.map(({ answers }) => answers))).flat();
    },
  };
}

/** The requests to one address. When the signal aborts, the lab ends the program and waits until it has ended. */
function ask(from: Namespace, address: string, { count, intervalMs = 0 }: Requests, signal: AbortSignal) {
  signal.throwIfAborted();
  const spec: LoadSpec = {
    address,
    port: servicePort,
    count,
    firstSourcePort: nextSourcePort,
    intervalMs,
    concurrency: 32,
    timeoutMs: 20_000,
  };
  nextSourcePort += count;
  const child = from.spawn(process.execPath, [loadProgram, JSON.stringify(spec)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let ended = 0;
  let json = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = text.split('\n');
    ended += lines.length - 1;
    json += lines.at(-1);
  });
  const answers = once(child, 'close', { signal }).then(([code, killedBy]) => {
    if (code !== 0)
      throw new Error(`the client of ${address} ended by itself (${killedBy ?? `exit code ${code}`})`);
    return JSON.parse(json) as Answer[];
  });
  return { ended: () => ended, stop: () => child.stdin?.end(), answers };
}

/** How many answers each pod gave, by name, and how many requests failed, by cause. */
export function tally(answers: readonly Answer[]): {
  answers: Record<string, number>;
  failures: Record<string, number>;
} {
  return {
    answers: countBy(answers.map(({ pod }) => pod)),
    failures: countBy(answers.map(({ error }) => error)),
  };
}

function countBy(names: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([left], [right]) => left.localeCompare(right)));
}

export function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
