/**
 * The traffic proof: what a client loses while pods, agents, BIRDs and nodes come and go; with our agent, and
 * with the original order beside it on the same machine at the same time.
 *
 *     npm run test:traffic [-- --json FILE] [-- --only NAME...] [-- --runs COUNT] [-- --nexthops MODE]
 */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { runProof } from '../support/proof.ts';
import { type Nexthops, nexthopModes } from './nexthop-modes.ts';
import { prove } from './prove.ts';
import { bad, print } from './report.ts';
import { scenarios } from './scenarios.ts';
import { ways } from './veth-loss.ts';

interface Options {
  json?: string;
  only?: string[];
  runs: string;
  nexthops: Nexthops;
}

/** Twice the usual duration: a run that takes longer hangs. */
const deadlineMs = 10 * 60_000;

function run({ json, only, runs, nexthops }: Options): Promise<void> {
  return runProof(deadlineMs, async signal => {
    const { rows, failures } = await prove({ only, vethRuns: Number(runs), nexthops, signal });
    if (json !== undefined)
      writeFileSync(json, `${JSON.stringify({ nexthops, scenarios: rows }, null, 2)}\n`);
    for (const failure of failures) print(bad(failure));
    return failures;
  });
}

const names = [...scenarios.map(({ name }) => name), ...ways.map(way => `veth-${way}`)];

await new Command('npm run test:traffic --')
  .description(
    'What a client loses while pods, agents, BIRDs and nodes come and go: ours and the original order.',
  )
  .option('--json <file>', 'write the result to this file')
  .option('--only <name...>', `play these scenarios alone: ${names.join(', ')}`)
  .option('--runs <count>', 'how often a veth is torn out, each way', '5')
  .addOption(
    new Option('--nexthops <mode>', 'how our routes lead to their pods')
      .choices(nexthopModes)
      .default('multipath'),
  )
  .showHelpAfterError()
  .action(run)
  .parseAsync();
