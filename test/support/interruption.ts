/** Turns Ctrl-C and similar signals into one abort signal with a reason. */
import { constants } from 'node:os';
import { setImmediate, setTimeout } from 'node:timers/promises';

export class Interrupted extends Error {
  /** What a shell expects of a program that a signal ended. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`);
    this.name = 'Interrupted';
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Aborts on the first signal; further signals during the clean-up have no effect. */
export function abortOnSignals(controller: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort(new Interrupted(signal)));
  }
  // `npm run demo | head`: the reader has closed the pipe.
  process.stdout.on('error', () => controller.abort(new Interrupted('SIGHUP')));
}

/** How long the news of a signal may come after that of a program that it ended, in milliseconds. */
const graceMs = 100;

/**
 * Why a run has failed. A signal to the process group (Ctrl-C, a closed terminal) also ends the programs of the run, and
 * their end may be seen before the signal is.
 *
 * @param signal aborted by `abortOnSignals`
 */
export async function causeOf(error: Error, signal: AbortSignal): Promise<Error> {
  if (!signal.aborted) {
    await setTimeout(graceMs);
    // Node handles signals after timers.
    await setImmediate();
  }
  return signal.aborted ? signal.reason : error;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
