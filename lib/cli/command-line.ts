/** The command line: `flock-anycast run`, `flush` and `migrate`, each with `--config FILE`; `check-config FILE…`. */
import '../heap-growth.ts';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Command } from 'commander';
import { runAgent } from '../agent/agent.ts';
import { FlockError } from '../base/errors.ts';
import { createLog, type Log, standardError } from '../base/log.ts';
import { checkConfigs } from '../commands/check-config.ts';
import { flush } from '../commands/flush.ts';
import { migrate } from '../commands/migrate.ts';
import { loadAgentConfig } from '../config/agent-config.ts';
import { describeKeys } from '../config/config-help.ts';

const { version, description } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

const program = new Command('flock-anycast')
  .description(description)
  .version(version)
  .showHelpAfterError()
  .configureOutput({ writeErr: text => standardError().write(text) });

program
  .command('run')
  .summary('run the agent of this node, until SIGTERM or Ctrl-C')
  .description(
    "Route this node's anycast addresses to its Ready pods, and let BIRD announce them, until SIGTERM or Ctrl-C.\n" +
      'Routes stay in place when it stops; after a restart, routes that are right are not changed.',
  )
  .option(
    '--withdraw-on-exit',
    'drain every address before stopping, for as long as a terminating pod drains',
  )
  .requiredOption('--config <file>', 'configuration file, YAML or JSON')
  .addHelpText('after', () => `\nKeys of the configuration file:\n\n${describeKeys()}`)
  .action(async ({ config: file, withdrawOnExit = false }: { config: string; withdrawOnExit?: boolean }) => {
    const config = loadAgentConfig(file);
    const log = createLog(config.observe.logLevel);
    logOwnWarnings(log);
    await runAgent({ config, log, signal: stopSignal(), withdrawOnExit });
  });

program
  .command('flush')
  .summary('uninstall: remove all routes of flock-anycast from the kernel')
  .description(
    'Uninstall: remove all routes of flock-anycast from the kernel. Routes are withdrawn first and removed a ' +
      'second or more later, those of former configurations too (the file at state.path lists them). Pods, BIRD ' +
      'and Kubernetes are not needed; the agent must be stopped.',
  )
  .requiredOption('--config <file>', 'configuration file of the agent')
  .option('--yes', 'do not ask; without a terminal nothing is done without it')
  .addHelpText(
    'after',
    '\nExit code: 0 no route is left; 1 refused or not all could be removed; 130 interrupted.\n' +
      'When it is interrupted, routes remain that forward and are not announced: run it again to finish.\n',
  )
  .action(async ({ config: file, yes = false }: { config: string; yes?: boolean }) => {
    const config = loadAgentConfig(file);
    await flush({ config, yes, signal: stopSignal(), print, log: createLog('warn') });
  });

program
  .command('migrate')
  .summary('take over the host routes that the original agent left')
  .description(
    'Take over the host routes that the original agent left: of protocol boot and default metric, through a ' +
      "pod's interface, to an anycast address of the allocations (allocations.path). Creates our route before it " +
      'deletes the original one, so that no packet is lost. All other routes stay, and the reason is printed.',
  )
  .requiredOption('--config <file>', 'configuration file of the agent')
  .option('--yes', 'do not ask; without a terminal nothing is done without it')
  .addHelpText('after', '\nExit code: 0 done, or nothing to do; 1 refused or not all could be taken over.\n')
  .action(async ({ config: file, yes = false }: { config: string; yes?: boolean }) => {
    await migrate({ config: loadAgentConfig(file), yes, signal: stopSignal(), print });
  });

program
  .command('check-config')
  .summary('validate files offline')
  .description(
    'Validate files offline; the content decides the kind: agent config, node config, allocation file, pools, or ' +
      'manifests of NodeConfig and AnycastPool. A NodeConfig is also checked merged with the one named default, if that is given.',
  )
  .argument('<file...>', 'YAML or JSON, with one document or several')
  .addHelpText('after', '\nExit code: 0 all are valid; 1 a file is invalid, or of none of these kinds.\n')
  .action((files: string[]) => {
    for (const { origin, what, problem, skipped, note } of checkConfigs(files)) {
      if (problem === undefined) {
        print(`${origin}: ${what}: ${skipped ? 'other API group, skipped' : 'good'}`);
        if (note !== undefined) print(`${origin}: ${what}: note: ${note}`);
      } else {
        process.stderr.write(`${origin}: ${what}: ${problem}\n`);
        process.exitCode = 1;
      }
    }
  });

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

/** Warnings of Node itself would be written to standard error in a way that waits for its reader. */
function logOwnWarnings(log: Log): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => log.warn(`${name}: ${message}`));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The last words of a command that failed. They wait for no reader: a program that is told to end must end. */
function reportFailure(error: unknown): void {
  const write = (text: string) => standardError().write(text);
  if (error instanceof FlockError) {
    write(`flock-anycast: ${error.message} [${error.code}]\n`);
    if (error.remedy !== undefined) write(`  remedy: ${error.remedy}\n`);
  } else write(`${inspect(error)}\n`);
}

process.once('uncaughtException', error => {
  reportFailure(error);
  process.exit(1);
});

try {
  await program.parseAsync();
} catch (error) {
  reportFailure(error);
  const interrupted = error instanceof FlockError && error.code === 'FLOCK_INTERRUPTED';
  process.exitCode = interrupted ? 130 : 1;
}
