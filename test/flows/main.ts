/**
 * The flows proof: what becomes of a thousand long TCP connections of each family to the pods of a node while one
 * drains and leaves, another joins, and a veth is torn out; with routes by multipath, by groups and by resilient
 * groups, each in a network of its own, at the same time.
 *
 *     npm run test:flows [-- --json FILE] [-- --plot FILE] [-- --nexthops MODE...] [-- --buckets COUNT]
 */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { runProof } from '../support/proof.ts';
import { type Nexthops, nexthopModes } from '../traffic/nexthop-modes.ts';
import { bad, print } from '../traffic/report.ts';
import { chart } from './chart.ts';
import { prove } from './prove.ts';
import { failuresOf, markdown } from './report.ts';
import { counts, drainSeconds, idleSeconds } from './story.ts';

interface Options {
  json?: string;
  plot?: string;
  nexthops: Nexthops[];
  buckets: string;
}

/** Several times the usual duration: a run that takes longer hangs. */
const deadlineMs = 3 * 60_000;

function run({ json, plot, nexthops, buckets }: Options): Promise<void> {
  return runProof(deadlineMs, async signal => {
    print(
      `of each family ${counts.busy} connections that ask twice a second, ${counts.idle} idle ones, ${counts.new} new ones a second; ` +
        `${buckets} buckets, idle after ${idleSeconds} s; a drain of ${drainSeconds} s`,
    );
    const proof = await prove(nexthops, { buckets: Number(buckets), signal });
    print(markdown(proof));
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(proof, null, 2)}\n`);
    if (plot !== undefined) writeFileSync(plot, chart(proof));
    const failures = failuresOf(proof);
    for (const failure of failures) print(bad(failure));
    return failures;
  });
}

await new Command('npm run test:flows --')
  .description('What becomes of long TCP connections while pods of a node come and go, in each mode.')
  .option('--json <file>', 'write the result to this file')
  .option('--plot <file>', 'draw it into this file, as SVG')
  .addOption(
    new Option('--nexthops <mode...>', 'these modes alone').choices(nexthopModes).default([...nexthopModes]),
  )
  .option('--buckets <count>', 'of a resilient group: several for each connection', '4096')
  .showHelpAfterError()
  .action(run)
  .parseAsync();
