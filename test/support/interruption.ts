/** Turns Ctrl-C and similar signals into one abort signal with a reason. */
import { constants } from 'node:os';

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

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
