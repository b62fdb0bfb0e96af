/**
 * One node of a large cluster on a real API server: how long the agent takes to be in sync, what crosses the wire
 * and what it costs, and whether it keeps up with pods that change by the hundred a second.
 *
 *     npm run test:scale [-- --seconds COUNT] [-- --json FILE]
 */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { runProof } from '../support/proof.ts';
import { measure } from './measure.ts';
import { describe } from './report.ts';

/** Several times the usual duration. */
const deadlineMs = 30 * 60_000;

type Options = Record<'pods' | 'cluster' | 'rate' | 'seconds', string> & { json?: string };

function run({ json, ...sizes }: Options): Promise<void> {
  return runProof(deadlineMs, async signal => {
    const size = {
      pods: Number(sizes.pods),
      cluster: Number(sizes.cluster),
      rate: Number(sizes.rate),
      seconds: Number(sizes.seconds),
    };
    const { figures, failures } = await measure(size, signal);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(figures, null, 2)}\n`);
    process.stdout.write(
      `${[...describe(figures), ...failures.map(each => `not so: ${each}`)].join('\n')}\n`,
    );
    return failures;
  });
}

await new Command('npm run test:scale --')
  .description('One node of a large cluster on a real API server: start, memory, bytes, and many changes.')
  .option('--pods <count>', 'pods of the node', '500')
  .option('--cluster <count>', 'pods of the cluster, those of the node among them', '10000')
  .option('--rate <count>', 'readiness flips a second', '200')
  .option('--seconds <count>', 'for how long', '60')
  .option('--json <file>', 'write the figures to this file')
  .showHelpAfterError()
  .action(run)
  .parseAsync();
