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
    `flock-anycast: flock-anycast run (process ${first.child.pid}) is already at work in this network namespace [FLOCK_ALREADY_RUNNING]`,
    '  remedy: stop it first, or run this one in another network namespace',
  ]);
  t.is(first.child.exitCode, null);
});

test('one of another PID namespace is named as such: its number means nothing here', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host, ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']);
  await first.logged('in sync');
  const second = start(host);
  t.is(await second.exit, 1);
  t.regex(second.words[0] ?? '', /process 1 of another PID namespace\) is already at work/);
});

test('another network namespace is another world', async t => {
  const { lab, start } = await agents(t);
  const [one, other] = [start(await lab.namespace('one')), start(await lab.namespace('other'))];
  await Promise.all([one.logged('in sync'), other.logged('in sync')]);
  t.pass();
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} lets the next one in`, async t => {
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

test('a holder that is stopped does not keep the refusal waiting', async t => {
  const { lab, start } = await agents(t);
  const host = await lab.namespace('host');
  const first = start(host);
  await first.logged('in sync');
  first.child.kill('SIGSTOP');
  t.teardown(() => first.child.kill('SIGKILL'));
  const stat = `/proc/${first.child.pid}/stat`;
  await eventually('the holder to be stopped', () => / T /.test(readFileSync(stat, 'utf8')));
  // It ends although the first does not go on.
  const second = start(host);
  t.is(await second.exit, 1);
  t.regex(second.words[0] ?? '', /another program, which does not say who it is, holds @flock-anycast/);
});
