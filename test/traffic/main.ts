/**
 * The traffic proof: what a client loses while pods, agents, BIRDs and nodes come and go; with our agent, and
 * with the original order beside it on the same machine at the same time.
 *
 *     npm run test:traffic [-- --json FILE] [-- --only NAME]
 */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { abortOnSignals, Interrupted } from '../../scripts/demo/interruption.ts';
import { compile } from '../support/compile.ts';
import { Lab } from '../support/lab.ts';
import { perform } from './perform.ts';
import { bad, explainLosses, markdown, print, type Row, rowsOf } from './report.ts';
import { scenarios } from './scenarios.ts';
import { World } from './world.ts';

interface Options {
  json?: string;
  only?: string;
}

/** Twice what it takes: what takes longer hangs. */
const deadlineMs = 10 * 60_000;

async function prove({ only }: Options, signal: AbortSignal): Promise<{ rows: Row[]; failures: string[] }> {
  const rows: Row[] = [];
  const failures: string[] = [];
  const labs = { ours: await Lab.create(), original: await Lab.create() };
  try {
    const echo = await compile(new URL('./native/echo.c', import.meta.url), labs.ours.dir);
    const load = await compile(new URL('./native/load.c', import.meta.url), labs.ours.dir);
    const [ours, original] = await Promise.all(
      (['ours', 'original'] as const).map(kind => World.create({ kind, lab: labs[kind], echo, signal })),
    );
    if (ours === undefined || original === undefined) throw new Error('two worlds were asked for');
    for (const scenario of scenarios) {
      if (only !== undefined && scenario.name !== only) continue;
      print(`\n${scenario.name}: ${scenario.what}`);
      const [our, their] = await Promise.all([
        perform(ours, scenario, load),
        perform(original, scenario, load),
      ]);
      const found = rowsOf(scenario.name, our, their);
      rows.push(...found);
      print(markdown(found));
      for (const line of explainLosses(our)) print(`  ours      ${line}`);
      for (const line of explainLosses(their)) print(`  original  ${line}`);
      for (const { family, lost } of found) {
        if (lost > 0)
          failures.push(`${scenario.name}: ${lost} UDP requests lost over ${family}, 0 is promised`);
      }
      failures.push(...our.starved.map(text => `${scenario.name}: ${text}`));
    }
  } finally {
    await Promise.all(Object.values(labs).map(lab => lab.destroy()));
  }
  return { rows, failures };
}

async function run(options: Options): Promise<void> {
  const stop = new AbortController();
  abortOnSignals(stop);
  const deadline = setTimeout(() => stop.abort(new Error(`no end in ${deadlineMs / 1000} s`)), deadlineMs);
  try {
    const { rows, failures } = await prove(options, stop.signal);
    if (options.json !== undefined)
      writeFileSync(options.json, `${JSON.stringify({ scenarios: rows }, null, 2)}\n`);
    print(`\n${markdown(rows)}\n`);
    for (const failure of failures) print(bad(failure));
    process.exitCode = failures.length === 0 ? 0 : 1;
  } catch (error) {
    const why = (stop.signal.aborted ? stop.signal.reason : error) as Error;
    process.stderr.write(`\n${why.stack}\n`);
    process.exitCode = why instanceof Interrupted ? why.exitCode : 1;
  }
  clearTimeout(deadline);
  process.exit();
}

await new Command('npm run test:traffic --')
  .description(
    'What a client loses while pods, agents, BIRDs and nodes come and go: ours and the original order.',
  )
  .option('--json <file>', 'write the result to this file')
  .option('--only <name>', `play one scenario alone: ${scenarios.map(({ name }) => name).join(', ')}`)
  .showHelpAfterError()
  .action(run)
  .parseAsync();
