/**
 * The suites that depend on the kernel, on the kernels of Debian's releases, in virtual machines without hardware help:
 *
 *     npm run test:kernels [-- --kernel NAME…] [-- --suite NAME…]
 *
 * An hour or more for all. `scripts/kernel-vm` runs one command on one kernel.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { abortOnSignals, Interrupted } from '../support/interruption.ts';
import { type Counts, countTests, type Kernel, kernels, type Suite } from './suites.ts';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));
const logs = fileURLToPath(new URL('../../.cache/kernels/', import.meta.url));
/** Of one suite on one kernel, also on a busy machine. */
const limitSeconds = 2 * 60 * 60;
/** An emulated machine takes this many times as long as the one around it. */
const patience = '10';

interface Row extends Counts {
  kernel: string;
  suite: string;
  seconds: number;
}

async function run(options: { kernel?: string[]; suite?: string[] }): Promise<void> {
  const stop = new AbortController();
  abortOnSignals(stop);
  mkdirSync(logs, { recursive: true });
  const rows: Row[] = [];
  try {
    for (const kernel of kernels.filter(({ name }) => options.kernel?.includes(name) ?? true)) {
      const [script, ...args] = kernel.needs ?? [];
      if (script !== undefined) execFileSync(scripts + script, args, { stdio: 'inherit' });
      for (const suite of kernel.suites.filter(({ name }) => options.suite?.includes(name) ?? true)) {
        rows.push(await runSuite(kernel, suite, stop.signal));
      }
    }
  } catch (error) {
    if (!(stop.signal.reason instanceof Interrupted)) throw error;
    process.exitCode = stop.signal.reason.exitCode;
  }
  console.log('| kernel | suite | passed | failed | skipped | seconds |\n|---|---|---|---|---|---|');
  for (const { kernel, suite, passed, failed, skipped, seconds } of rows) {
    console.log(`| ${kernel} | ${suite} | ${passed} | ${failed} | ${skipped} | ${seconds} |`);
  }
  if (rows.some(({ failed }) => failed > 0)) {
    console.error(`What they said is in ${logs}`);
    process.exitCode ??= 1;
  }
}

async function runSuite(kernel: Kernel, suite: Suite, signal: AbortSignal): Promise<Row> {
  signal.throwIfAborted();
  const began = performance.now();
  const child = spawn(
    `${scripts}kernel-vm`,
    ['--timeout', String(limitSeconds), ...kernel.machine, '--', ...suite.command],
    {
      env: { ...process.env, NO_COLOR: '1', FLOCK_TEST_PATIENCE: patience },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const end = () => child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const seconds = () => Math.round((performance.now() - began) / 1000);
  const name = `${kernel.name} ${suite.name}`;
  const progress = setInterval(
    () => tell(`${name}: ${told(countTests(output))}, ${seconds()} s …`),
    process.stderr.isTTY ? 1000 : 60_000,
  );
  const [code] = await once(child, 'close');
  clearInterval(progress);
  signal.removeEventListener('abort', end);
  writeFileSync(`${logs}${kernel.name}-${suite.name}.log`, output);
  signal.throwIfAborted();
  const counts = countTests(output, code ?? 1);
  tell(`${name}: ${told(counts)}, ${seconds()} s\n`);
  for (const line of output.match(/^not ok .*/gm) ?? []) console.error(`  ${line}`);
  return { kernel: kernel.name, suite: suite.name, ...counts, seconds: seconds() };
}

const told = ({ passed, failed }: Counts) => `${passed} passed, ${failed} failed`;

/** On a terminal, over the line before. */
function tell(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : `${line.trimEnd()}\n`);
}

await new Command('npm run test:kernels --')
  .description('The suites that depend on the kernel, on the kernels of Debian, in virtual machines.')
  .addOption(new Option('--kernel <name...>', 'these alone').choices(kernels.map(kernel => kernel.name)))
  .addOption(new Option('--suite <name...>', 'these alone').choices(['native', 'kernel', 'flip', 'model']))
  .showHelpAfterError()
  .action(run)
  .parseAsync();
