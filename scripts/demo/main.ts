/**
 * The demo: anycast to pods over real BGP, in network namespaces, told live from what it measures.
 *
 *     npm run demo [-- --keep] [-- --json FILE]
 */
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { anycast } from '../../test/support/anycast-net/plan.ts';
import { abortOnSignals, Interrupted } from '../../test/support/interruption.ts';
import { play } from './play.ts';
import { print, printTable } from './report.ts';

const drawing = `
                              ┌ web-1a
  client ── router ─┬─ node1 ─┴ web-1b     every pod serves ${anycast.ipv4}
                    │                      and ${anycast.ipv6}
                    └─ node2 ─┬ web-2a
                              └ web-2b`;

interface Options {
  keep?: boolean;
  json?: string;
}

async function run({ keep = false, json }: Options): Promise<void> {
  const stop = new AbortController();
  abortOnSignals(stop);
  print(styleText('bold', 'Anycast addresses that follow the readiness of pods'));
  print(drawing);
  try {
    await play({
      keep,
      signal: stop.signal,
      record: record => {
        printTable(record);
        if (json !== undefined) writeFileSync(json, `${JSON.stringify(record, null, 2)}\n`);
      },
    });
  } catch (error) {
    if (error instanceof Interrupted) {
      process.stderr.write(`\n${error.message}; all is taken down\n`);
      process.exit(error.exitCode);
    }
    process.stderr.write(
      `\n${styleText('red', 'Not as told:', { stream: process.stderr })} ${(error as Error).message}\n`,
    );
    process.exit(1);
  }
  process.exit(0);
}

const program = new Command('npm run demo --')
  .description(
    'Two nodes with two pods each, a router and a client, in network namespaces with a real BIRD and a real ' +
      'agent in each node: how a pod that becomes Ready, or stops being so, reaches the kernels and the packets.',
  )
  .option('--keep', 'leave everything up after the story, with commands to look around')
  .option('--json <file>', 'write what was measured to this file')
  .showHelpAfterError()
  .action((options: Options) => {
    if (process.getuid?.() !== 0 || process.env.FLOCK_TEST_UNPRIVILEGED !== undefined) {
      process.stderr.write(
        'The demo makes network namespaces. Run it as root, or by `npm run demo`, which gives an ordinary\n' +
          'user a network of their own where the system allows it.\n',
      );
      process.exit(1);
    }
    return run(options);
  });

await program.parseAsync();
