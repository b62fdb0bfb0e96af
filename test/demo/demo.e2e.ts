import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { DemoRecord } from '../../scripts/demo/report.ts';
import { median } from '../../scripts/demo/report.ts';
import { eventually } from '../support/lab.ts';

/** A running demo, its output so far, and a folder for all it makes, by which its processes are known too. */
interface Demo {
  child: ChildProcess;
  output: () => string;
  folder: string;
  ended: Promise<{ code: number | null }>;
}

function startDemo(t: ExecutionContext, ...args: string[]): Demo {
  const folder = mkdtempSync(join(tmpdir(), 'flock-e2e-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, ['scripts/demo/main.ts', ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: what a terminal sends Ctrl-C to.
    detached: true,
  });
  t.teardown(() => child.kill('SIGTERM'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code }));
  return { child, output: () => output, folder, ended };
}

function told(demo: Demo, words: string): Promise<true> {
  return eventually(`the demo to tell "${words}"`, () => demo.output().includes(words), {
    // As long as the demo itself may take.
    timeoutMs: 300_000,
  });
}

function processesOf({ folder }: Demo): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${folder}\0`)) return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(pid), command }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

/** A signal to the process group also reaches short commands such as `ip`, which no one waits for: they end a little later. */
function noProcessIsLeft(demo: Demo): Promise<true> {
  return eventually(
    () => `the end of ${JSON.stringify(processesOf(demo))}`,
    () => processesOf(demo).length === 0,
  );
}

function namespacesOf({ child }: Demo): string[] {
  return readdirSync('/run/netns').filter(name => name.startsWith(`fa${child.pid}-`));
}

async function nothingIsLeft(t: ExecutionContext, demo: Demo): Promise<void> {
  await noProcessIsLeft(demo);
  t.deepEqual(namespacesOf(demo), []);
  t.deepEqual(readdirSync(demo.folder), []);
}

test.serial(
  'the demo sees every step as expected, measures every flip, and leaves nothing behind',
  async t => {
    const results = mkdtempSync(join(tmpdir(), 'flock-e2e-results-'));
    t.teardown(() => rmSync(results, { recursive: true }));
    const file = join(results, 'demo.json');
    const demo = startDemo(t, '--json', file);
    t.is((await demo.ended).code, 0, demo.output());
    const { ok, steps, flips } = JSON.parse(readFileSync(file, 'utf8')) as DemoRecord;
    t.true(ok);
    t.is(steps.length, 6);
    t.true(steps.every(step => step.ok));
    t.is(flips.length, 8);
    t.true(flips.every(({ kernelMs }) => kernelMs > 0));
    const router = flips.map(({ routerMs }) => routerMs).filter(value => value !== null);
    t.is(router.length, 4);
    t.true(router.every(value => value > 0));
    t.log(`median to the node's kernel ${median(flips.map(flip => flip.kernelMs))?.toFixed(1)} ms,`);
    t.log(`to the router's kernel ${median(router)?.toFixed(1)} ms`);
    await nothingIsLeft(t, demo);
  },
);

const interruptions = [
  { how: 'Ctrl-C while it sets up', words: 'client ──', code: 130, group: true, signal: 'SIGINT' },
  { how: 'Ctrl-C in the middle of its story', words: 'under load', code: 130, group: true, signal: 'SIGINT' },
  { how: 'SIGTERM to it alone', words: 'one by one', code: 143, group: false, signal: 'SIGTERM' },
  { how: 'a closed terminal', words: 'A thousand', code: 129, group: true, signal: 'SIGHUP' },
] as const;

for (const { how, words, code, group, signal } of interruptions) {
  test.serial(`the demo leaves nothing behind after ${how}`, async t => {
    const demo = startDemo(t);
    await told(demo, words);
    process.kill((group ? -1 : 1) * (demo.child.pid as number), signal);
    t.is((await demo.ended).code, code, demo.output());
    await nothingIsLeft(t, demo);
  });
}

test.serial('a demo whose agent ends early reports that, and keeps only the logs', async t => {
  const demo = startDemo(t);
  await told(demo, 'A thousand requests');
  const agent = processesOf(demo).find(({ command }) => command.includes('node1/agent.yaml'));
  t.not(agent, undefined);
  process.kill(agent?.pid ?? 0, 'SIGKILL');
  t.is((await demo.ended).code, 1, demo.output());
  t.regex(demo.output(), /Not as expected: the agent of node1 ended by itself \(SIGKILL\)/);
  await noProcessIsLeft(demo);
  t.deepEqual(namespacesOf(demo), []);
  const [logs, ...others] = readdirSync(demo.folder);
  t.deepEqual(others, []);
  t.true(readdirSync(join(demo.folder, logs ?? '')).includes('agent-node1.log'));
});

test.serial('a demo with --keep can be inspected, and ends at a signal', async t => {
  const demo = startDemo(t, '--keep');
  await told(demo, 'It stays up until');
  t.is(namespacesOf(demo).length, 8);
  demo.child.kill('SIGINT');
  t.is((await demo.ended).code, 0, demo.output());
  await nothingIsLeft(t, demo);
});
