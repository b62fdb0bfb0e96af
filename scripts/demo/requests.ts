/** Requests from a namespace of the demo, and who answered them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { anycastAddresses, servicePort } from '../../test/support/anycast-net/plan.ts';
import type { Namespace } from '../../test/support/lab.ts';
import type { Answer, LoadSpec } from './load.ts';

const run = promisify(execFile);
const loadProgram = fileURLToPath(new URL('./load.ts', import.meta.url));

/** Below the kernel's own choice (`ip_local_port_range` begins at 32768), and never used twice. */
let nextSourcePort = 10_000;

export interface Requests {
  /** How many to each anycast address. */
  count: number;
  intervalMs?: number;
}

/** Sends requests to both anycast addresses at once. */
export async function request(
  from: Namespace,
  { count, intervalMs = 0 }: Requests,
  signal: AbortSignal,
): Promise<Answer[]> {
  const perAddress = await Promise.all(
    anycastAddresses.map(async address => {
      const spec: LoadSpec = {
        address,
        port: servicePort,
        count,
        firstSourcePort: nextSourcePort,
        intervalMs,
        concurrency: 32,
        timeoutMs: 2000,
      };
      nextSourcePort += count;
      const { stdout } = await run(
        'nsenter',
        [`--net=${from.path}`, process.execPath, loadProgram, JSON.stringify(spec)],
        { signal, timeout: 60_000, killSignal: 'SIGKILL', maxBuffer: 1 << 26 },
      );
      return JSON.parse(stdout) as Answer[];
    }),
  );
  return perAddress.flat();
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
