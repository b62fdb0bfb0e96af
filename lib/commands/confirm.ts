/** A person's yes, before what can not be undone. */
import { createInterface } from 'node:readline/promises';
import { FlockError } from '../base/errors.ts';

/**
 * @param question what a `y` agrees to
 * @param yes it was agreed to on the command line
 * @throws FlockError FLOCK_NOT_CONFIRMED without a terminal to ask at, or for any other answer
 */
export async function confirm(question: string, yes: boolean, signal: AbortSignal): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new FlockError('FLOCK_NOT_CONFIRMED', 'nothing was changed: there is no terminal to ask at', {
      remedy: 'give --yes to agree',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // A terminal in raw mode gives Ctrl-C to whoever reads it, not to the process.
  const interrupted = new AbortController();
  terminal.once('SIGINT', () => interrupted.abort());
  const stop = AbortSignal.any([signal, interrupted.signal]);
  const answer = await terminal.question(`${question} [y/N] `, { signal: stop }).catch(() => '');
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new FlockError('FLOCK_NOT_CONFIRMED', 'nothing was changed', { remedy: 'answer y to agree' });
}
