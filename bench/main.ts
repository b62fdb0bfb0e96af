/**
 * The benchmark: the cost of programming routes on this machine, ours compared with the kernel's floor and with others.
 *
 *     npm run bench [-- --quick] [-- --only NAME…]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { aborted, abortOnSignals, causeOf, Interrupted } from '../test/support/interruption.ts';
import { choose, describeChoices } from './choice.ts';
import { parts } from './parts.ts';
import { allPeers } from './peers/all.ts';
import { quickPlan, wholePlan } from './plan.ts';
import { Progress } from './progress.ts';
import { renderReport } from './report/html.ts';
import { peersChart, unheard } from './report/peers-chart.ts';
import { printSummary } from './report/terminal.ts';
import type { Results } from './results.ts';
import { run } from './run.ts';

interface Options {
  quick: boolean;
  only?: string[];
  json: string;
  html: string;
  plot?: string | undefined;
}

const folder = relative(process.cwd(), fileURLToPath(new URL('results', import.meta.url)));

async function main({ quick, only = [], json, html, plot }: Options): Promise<void> {
  if (process.env.FLOCK_TEST_UNPRIVILEGED !== undefined) {
    process.stderr.write(
      'The benchmark needs network namespaces, which are not permitted here: run it as root, or by `npm run bench`.\n',
    );
    process.exit(1);
  }
  const stop = new AbortController();
  abortOnSignals(stop);
  try {
    const chosen = choose(only, parts, allPeers);
    const running = run({
      plan: quick ? quickPlan : wholePlan,
      ...chosen,
      signal: stop.signal,
      progress: steps => new Progress(steps),
    });
    // Does not wait for the present step: the programs that it started end with this process.
    const results = await Promise.race([
      running,
      aborted(stop.signal).then(() => Promise.reject(stop.signal.reason)),
    ]);
    write(results, { json, html, plot });
  } catch (error) {
    const why = await causeOf(error as Error, stop.signal);
    process.stderr.write(`\n${why instanceof Interrupted ? why.message : (why.stack ?? why)}\n`);
    process.exitCode = why instanceof Interrupted ? why.exitCode : 1;
  }
  process.exit();
}

function write(results: Results, { json, html, plot }: Pick<Options, 'json' | 'html' | 'plot'>): void {
  for (const path of [json, html]) mkdirSync(dirname(path), { recursive: true });
  writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(html, renderReport(results));
  if (plot !== undefined) writeFileSync(plot, peersChart(unheard(results)));
  printSummary(results);

  process.stdout.write(`\n${json}\n${html}\n`);
}

await new Command('npm run bench --')
  .description(
    'The cost of programming routes on this machine: the addon and the agent compared with the kernel itself (a C ' +
      'program with prepared messages) and with other programs, all in one run. Creates network namespaces of its ' +
      'own and changes nothing outside of them.',
  )
  .option(
    '--quick',
    'smaller tables and fewer rounds: under a minute, for a first impression and for CI',
    false,
  )
  .option('--only <name...>', 'only these parts, or these peers, or both')
  .option('--json <file>', 'the numbers', `${folder}/latest.json`)
  .option('--html <file>', 'the report, one file to open in a browser', `${folder}/latest.html`)
  .option('--plot <file>', 'the plot of all peers alone, as SVG')
  .addHelpText('after', describeChoices(parts, allPeers))
  .addHelpText(
    'after',
    '\nCompare ratios, not microseconds: the speed of a machine varies, and ratios are taken within one round. Stop\n' +
      'other programs that use the CPU; the report states the load at the start.\n\n' +
      'Examples:\n' +
      '  npm run bench -- --quick\n' +
      '  npm run bench -- --only routes --only floor ours ip   three peers in the table of routes\n' +
      '  npm run bench -- --only latency                       flip to peer, nothing else\n',
  )
  .showHelpAfterError()
  .action(main)
  .parseAsync();
