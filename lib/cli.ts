#!/usr/bin/env node
/** The command line: `flock-anycast run --config FILE`. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { runAgent } from './agent.ts';
import { loadAgentConfig } from './config.ts';
import { describeKeys } from './config-help.ts';
import { FlockError } from './errors.ts';
import { createLog } from './observe/log.ts';

const { version, description } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

const program = new Command('flock-anycast').description(description).version(version).showHelpAfterError();

program
  .command('run')
  .description(
    "Route this node's anycast addresses to its Ready pods, and let BIRD announce them, until SIGTERM or Ctrl-C.\n" +
      'Routes stay in place when it stops; starting it again changes nothing that is right.',
  )
  .option(
    '--withdraw-on-exit',
    'drain every address before stopping, for as long as a terminating pod drains',
  )
  .requiredOption('--config <file>', 'configuration file, YAML or JSON')
  .addHelpText('after', () => `\nKeys of the configuration file:\n\n${describeKeys()}`)
  .action(async ({ config: file, withdrawOnExit = false }: { config: string; withdrawOnExit?: boolean }) => {
    const config = loadAgentConfig(file);
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
    const log = createLog(config.observe.logLevel);
    await runAgent({ config, log, signal: stop.signal, withdrawOnExit });
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof FlockError)) throw error;
  process.stderr.write(`flock-anycast: ${error.message} [${error.code}]\n`);
  if (error.remedy !== undefined) process.stderr.write(`  remedy: ${error.remedy}\n`);
  process.exitCode = 1;
}
