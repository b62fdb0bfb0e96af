/**
 * The bench: what programming routes costs here, ours beside the kernel's floor and beside others.
 *
 *     npm run bench [-- --quick] [-- --only NAME…]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { aborted, abortOnSignals, Interrupted } from '../test/support/interruption.ts';
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
    process.stderr.write('The bench makes network namespaces, and here it may not.\n');
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
    // What a step is waiting for is not waited for: ending the process ends what it has begun.
    const results = await Promise.race([
      running,
      aborted(stop.signal).then(() => Promise.reject(stop.signal.reason)),
    ]);
    write(results, { json, html, plot });
  } catch (error) {
    const why = error as Error;
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
    'What programming routes costs here: the addon and the agent beside the kernel itself (a C program with ' +
      'everything prepared) and beside others, all in one run. Makes network namespaces of its own; nothing outside ' +
      'of them is touched.',
  )
  .option('--quick', 'less of everything: under a minute, for a first look and for CI', false)
  .option('--only <name...>', 'only these parts, or these peers, or both')
  .option('--json <file>', 'the numbers', `${folder}/latest.json`)
  .option('--html <file>', 'the report, one file to open in a browser', `${folder}/latest.html`)
  .option('--plot <file>', 'the plot of all peers alone, as SVG')
  .addHelpText('after', describeChoices(parts, allPeers))
  .addHelpText(
    'after',
    '\nRead ratios, not microseconds: the machine drifts, and ratios are taken within one round. Close what else\n' +
      'computes; the report states the load at the start.\n\n' +
      'Examples:\n' +
      '  npm run bench -- --quick\n' +
      '  npm run bench -- --only routes --only floor ours ip   three peers in the table of routes\n' +
      '  npm run bench -- --only latency                       flip to peer, nothing else\n',
  )
  .showHelpAfterError()
  .action(main)
  .parseAsync();
