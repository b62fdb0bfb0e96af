/** Asks the operator for confirmation before a change that can not be undone. */
import { createInterface } from 'node:readline/promises';
import { FlockError } from '../base/errors.ts';

/**
 * @param question what the answer `y` confirms
 * @param yes whether it was confirmed on the command line
 * @throws FlockError FLOCK_NOT_CONFIRMED without a terminal, or for any other answer than yes
 */
export async function confirm(question: string, yes: boolean, signal: AbortSignal): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new FlockError(
      'FLOCK_NOT_CONFIRMED',
      'nothing was changed: there is no terminal to ask for confirmation',
      {
        remedy: 'give --yes to confirm',
      },
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // A terminal in raw mode gives Ctrl-C to the reader as input, and sends the process no signal.
  const interrupted = new AbortController();
  terminal.once('SIGINT', () => interrupted.abort());
  const stop = AbortSignal.any([signal, interrupted.signal]);
  const answer = await terminal.question(`${question} [y/N] `, { signal: stop }).catch(() => '');
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new FlockError('FLOCK_NOT_CONFIRMED', 'nothing was changed: not confirmed', {
    remedy: 'answer y to confirm',
  });
}
