/** A program that checks a guarantee: it ends at signals and at a deadline, and its exit code is the result. */
import { abortOnSignals, causeOf, Interrupted } from './interruption.ts';

/**
 * Runs it and exits: 0 when nothing failed, 1 when something did, and as shells expect when it was interrupted.
 * @param deadlineMs a run that takes longer hangs
 * @param prove returns a description of each guarantee that does not hold
 */
export async function runProof(deadlineMs: number, prove: (signal: AbortSignal) => Promise<string[]>) {
  if (process.env.FLOCK_TEST_UNPRIVILEGED !== undefined) {
    process.stderr.write(
      'This proof needs network namespaces, which are not permitted here: run it as root, or by its npm script.\n',
    );
    process.exit(1);
  }
  const stop = new AbortController();
  abortOnSignals(stop);
  const deadline = setTimeout(() => stop.abort(new Error(`no end in ${deadlineMs / 1000} s`)), deadlineMs);
  try {
    const failures = await prove(stop.signal);
    process.exitCode = failures.length === 0 ? 0 : 1;
  } catch (error) {
    const why = await causeOf(error as Error, stop.signal);
    process.stderr.write(`\n${why instanceof Interrupted ? why.message : why.stack}\n`);
    process.exitCode = why instanceof Interrupted ? why.exitCode : 1;
  }
  clearTimeout(deadline);
  process.exit();
}
