/** Requests from a namespace of the demo, and who answered them. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { anycastAddresses, servicePort } from '../../test/support/anycast-net/plan.ts';
import type { Namespace } from '../../test/support/lab.ts';
import type { Answer, LoadSpec } from './load.ts';

const loadProgram = fileURLToPath(new URL('./load.ts', import.meta.url));

/** Below the kernel's own choice (`ip_local_port_range` begins at 32768), and never used twice. */
let nextSourcePort = 10_000;

export interface Requests {
  /** How many to each anycast address, at most. */
  count: number;
  intervalMs?: number;
}

/** Requests to both anycast addresses, under way. */
export interface Load {
  /** How many to the address with the fewest have ended so far. */
  ended(): number;
  /** Begins no more, and gives what became of those that were begun. */
  stop(): Promise<Answer[]>;
}

/** Sends requests to both anycast addresses at once, and gives what became of them. */
export async function request(from: Namespace, requests: Requests, signal: AbortSignal): Promise<Answer[]> {
  const perAddress = await Promise.all(
    anycastAddresses.map(address => ask(from, address, requests, signal).answers),
  );
  return perAddress.flat();
}

/** Begins to send requests to both anycast addresses. */
export function startLoad(from: Namespace, requests: Requests, signal: AbortSignal): Load {
  const both = anycastAddresses.map(address => ask(from, address, requests, signal));
  // Whoever stops it hears of a failure; until then it is nobody's.
  for (const { answers } of both) answers.catch(() => undefined);
  return {
    ended: () => Math.min(...both.map(({ ended }) => ended())),
    async stop() {
      for (const { stop } of both) stop();
      return (await Promise.all(both.map(({ answers }) => answers))).flat();
    },
  };
}

/** One address's requests. The lab ends the program, and waits until it has ended, where the signal is aborted. */
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

/** How many answers each pod gave, by name, and how many requests failed of what. */
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
