/**
 * The demo: anycast to pods over real BGP, in network namespaces, with live measurements.
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
      process.stderr.write(`\n${error.message}; everything was removed\n`);
      process.exit(error.exitCode);
    }
    process.stderr.write(
      `\n${styleText('red', 'Not as expected:', { stream: process.stderr })} ${(error as Error).message}\n`,
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
  .option('--keep', 'leave everything running at the end, with commands to inspect it')
  .option('--json <file>', 'write the measurements to this file')
  .showHelpAfterError()
  .action((options: Options) => {
    if (process.getuid?.() !== 0 || process.env.FLOCK_TEST_UNPRIVILEGED !== undefined) {
      process.stderr.write(
        'The demo needs network namespaces, which are not permitted here. Run it as root, or by `npm run demo`,\n' +
          'which creates a user namespace for an ordinary user where the system permits that.\n',
      );
      process.exit(1);
    }
    return run(options);
  });

await program.parseAsync();
