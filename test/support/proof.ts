/** A program that shows that something holds: it ends at signals and at a deadline, and its exit code is the verdict. */
import { abortOnSignals, Interrupted } from './interruption.ts';

/**
 * Runs it and exits: 0 when nothing failed, 1 when something did, and as shells expect when it was interrupted.
 * @param deadlineMs what takes longer hangs
 * @param prove gives what was promised and is not so, in words
 */
export async function runProof(deadlineMs: number, prove: (signal: AbortSignal) => Promise<string[]>) {
  if (process.env.FLOCK_TEST_UNPRIVILEGED !== undefined) {
    process.stderr.write('This proof makes network namespaces, and here it may not.\n');
    process.exit(1);
  }
  const stop = new AbortController();
  abortOnSignals(stop);
  const deadline = setTimeout(() => stop.abort(new Error(`no end in ${deadlineMs / 1000} s`)), deadlineMs);
  try {
    const failures = await prove(stop.signal);
    process.exitCode = failures.length === 0 ? 0 : 1;
  } catch (error) {
    const why = (stop.signal.aborted ? stop.signal.reason : error) as Error;
    process.stderr.write(`\n${why instanceof Interrupted ? why.message : why.stack}\n`);
    process.exitCode = why instanceof Interrupted ? why.exitCode : 1;
  }
  clearTimeout(deadline);
  process.exit();
}
