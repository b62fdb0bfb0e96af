import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { layOutAgent, startAgent, writeAllocations } from '../support/agent.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';

async function agents(t: ExecutionContext) {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  let count = 0;
  const start = (host: Namespace, launcher: string[] = []) => {
    const files = layOutAgent(join(lab.dir, `agent${++count}`));
    writeAllocations(files, []);
    return startAgent(host, files, launcher);
  };
  return { lab, start };
}

test('a second agent in the same network namespace refuses to start and names the first', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host);
  await first.logged('in sync');
  const second = start(host);
  t.is(await second.exit, 1);
  t.deepEqual(second.words, [
    `flock-anycast: flock-anycast run (process ${first.child.pid}) is already running in this network namespace [FLOCK_ALREADY_RUNNING]`,
    '  remedy: stop that program first, or run this one in another network namespace',
  ]);
  t.is(first.child.exitCode, null);
});

test('an agent in another PID namespace is described as such: its process id is not valid here', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host, ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']);
  await first.logged('in sync');
  const second = start(host);
  t.is(await second.exit, 1);
  t.regex(second.words[0] ?? '', /process 1 of another PID namespace\) is already running/);
});

test('an agent in another network namespace is independent', async t => {
  const { lab, start } = await agents(t);
  const [one, other] = [start(await lab.namespace('one')), start(await lab.namespace('other'))];
  await Promise.all([one.logged('in sync'), other.logged('in sync')]);
  t.pass();
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`after ${signal} the next agent can start`, async t => {
    const { lab, start } = await agents(t);
    const host = await lab.namespace('host');
    const first = start(host);
    await first.logged('in sync');
    first.child.kill(signal);
    await first.exit;
    const second = start(host);
    await second.logged('in sync');
    t.is(second.child.exitCode, null);
  });
}

test('an agent is refused also while the holder is stopped (SIGSTOP) and can not answer', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host);
  await first.logged('in sync');
  first.child.kill('SIGSTOP');
  t.teardown(() => first.child.kill('SIGKILL'));
  const stat = `/proc/${first.child.pid}/stat`;
  await eventually('the holder to be stopped', () => / T /.test(readFileSync(stat, 'utf8')));
  // The second one ends although the first is still stopped.
  const second = start(host);
  t.is(await second.exit, 1);
  t.regex(second.words[0] ?? '', /a program that does not identify itself listens on @flock-anycast/);
});
