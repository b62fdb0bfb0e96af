/** Runs a program for its output, for a bounded time. One that does not end is ended, with its own children. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface RunOptions {
  env: NodeJS.ProcessEnv;
  /** Milliseconds until it is ended. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** Credentials are a few kilobytes. */
const longestOutput = 1 << 20;
const longestWords = 500;

/** Those that run, to be ended with this process. A SIGKILL of it gives no time for that. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) endAll(child);
});

/**
 * @returns its standard output
 * @throws Error with the last it said on standard error, or that of spawn
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { env, timeoutMs, signal }: RunOptions,
): Promise<string> {
  signal.throwIfAborted();
  // In a process group of its own, so that a script's children end with it.
  const child: ChildProcess = spawn(command, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.on('error', reject);
  running.add(child);
  const onAbort = () => reject(new Error('it was ended: nobody waits for it any more'));
  signal.addEventListener('abort', onAbort);
  const timer = setTimeout(() => reject(new Error(`it has not answered within ${timeoutMs} ms`)), timeoutMs);
  let output = '';
  let words = '';
  // Where no descriptor is left there are no pipes, and then the error comes.
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
    if (output.length > longestOutput) reject(new Error(`it says more than ${longestOutput} characters`));
  });
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    words = (words + piece).slice(-longestWords);
  });
  child.on('close', (code, by) => {
    running.delete(child);
    if (code === 0) resolve(output);
    else reject(new Error(`it ended with ${by ?? `exit code ${code}`}: ${words.trim() || 'without a word'}`));
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    if (running.delete(child)) endAll(child);
  }
}

/** With its own children, which may hold its pipes. */
function endAll(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All have ended.
  }
}
