/**
 * The demo's client: HTTP requests to one address, each on a connection and a source port of its own.
 *
 *     node load.ts '{"address":"192.0.2.53","port":80,"count":100,…}'
 *
 * Prints a line for each request that has ended, and at the end a JSON array of all outcomes. It begins no further
 * requests when its standard input ends. A separate program, because it runs in a namespace of its own.
 */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadSpec {
  address: string;
  port: number;
  /** How many requests at most. */
  count: number;
  /** The source port of the first request; each further one has the next. */
  firstSourcePort: number;
  /** Milliseconds from one request's start to the next's; 0 is as fast as `concurrency` allows. */
  intervalMs: number;
  concurrency: number;
  timeoutMs: number;
}

export interface Answer {
  address: string;
  /** When the request began, in milliseconds of the Unix epoch. */
  at: number;
  sourcePort: number;
  tookMs: number;
  /** The name of the pod that answered. */
  pod?: string;
  /** Why no pod answered. */
  error?: string;
}

function ask(spec: LoadSpec, sourcePort: number): Promise<Answer> {
  const at = performance.timeOrigin + performance.now();
  return new Promise(resolve => {
    const done = (outcome: { pod: string } | { error: string }) =>
      resolve({
        address: spec.address,
        at,
        sourcePort,
        tookMs: performance.timeOrigin + performance.now() - at,
        ...outcome,
      });
    const failed = (error: NodeJS.ErrnoException) => done({ error: error.code ?? error.message });
    get(
      {
        host: spec.address,
        port: spec.port,
        localPort: sourcePort,
        agent: false,
        signal: AbortSignal.timeout(spec.timeoutMs),
      },
      response => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => done({ pod: body }));
        response.on('error', failed);
      },
    ).on('error', failed);
  });
}

async function run(spec: LoadSpec, isOver: () => boolean): Promise<Answer[]> {
  const answers: Answer[] = [];
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < spec.count && !isOver()) {
      const index = next++;
      const wait = start + index * spec.intervalMs - performance.now();
      if (wait > 0) await sleep(wait);
      answers.push(await ask(spec, spec.firstSourcePort + index));
      process.stdout.write('\n');
    }
  };
  await Promise.all(Array.from({ length: spec.concurrency }, worker));
  return answers;
}

if (import.meta.main) {
  let over = false;
  process.stdin.on('end', () => {
    over = true;
  });
  process.stdin.resume().unref();
  const spec = JSON.parse(process.argv[2] ?? '{}') as LoadSpec;
  process.stdout.write(JSON.stringify(await run(spec, () => over)));
}
