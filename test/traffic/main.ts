/**
 * The traffic proof: what a client loses while pods, agents, BIRDs and nodes come and go; with our agent, and
 * with the original order beside it on the same machine at the same time.
 *
 *     npm run test:traffic [-- --json FILE] [-- --only NAME] [-- --runs COUNT]
 */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { abortOnSignals, Interrupted } from '../support/interruption.ts';
import { prove } from './prove.ts';
import { bad, print } from './report.ts';
import { scenarios } from './scenarios.ts';
import { ways } from './veth-loss.ts';

interface Options {
  json?: string;
  only?: string;
  runs: string;
}

/** Twice what it takes: what takes longer hangs. */
const deadlineMs = 10 * 60_000;

async function run({ json, only, runs }: Options): Promise<void> {
  if (process.env.FLOCK_TEST_UNPRIVILEGED !== undefined) {
    process.stderr.write('This proof makes network namespaces, and here it may not.\n');
    process.exit(1);
  }
  const stop = new AbortController();
  abortOnSignals(stop);
  const deadline = setTimeout(() => stop.abort(new Error(`no end in ${deadlineMs / 1000} s`)), deadlineMs);
  try {
    const { rows, failures } = await prove({ only, vethRuns: Number(runs), signal: stop.signal });
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ scenarios: rows }, null, 2)}\n`);
    for (const failure of failures) print(bad(failure));
    process.exitCode = failures.length === 0 ? 0 : 1;
  } catch (error) {
    const why = (stop.signal.aborted ? stop.signal.reason : error) as Error;
    process.stderr.write(`\n${why instanceof Interrupted ? why.message : why.stack}\n`);
    process.exitCode = why instanceof Interrupted ? why.exitCode : 1;
  }
  clearTimeout(deadline);
  process.exit();
}

const names = [...scenarios.map(({ name }) => name), ...ways.map(way => `veth-${way}`)];

await new Command('npm run test:traffic --')
  .description(
    'What a client loses while pods, agents, BIRDs and nodes come and go: ours and the original order.',
  )
  .option('--json <file>', 'write the result to this file')
  .option('--only <name>', `play one scenario alone: ${names.join(', ')}`)
  .option('--runs <count>', 'how often a veth is torn out, each way', '5')
  .showHelpAfterError()
  .action(run)
  .parseAsync();
