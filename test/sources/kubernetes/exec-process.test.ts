import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import test from 'ava';

test('where no descriptor is left, a plugin can not be started, and that is an error like another', async t => {
  const module = new URL('../../../lib/sources/kubernetes/exec-process.ts', import.meta.url).href;
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { runProgram } from '${module}';
    const { signal } = new AbortController();
    const open = [];
    try { for (;;) open.push(openSync('/dev/null')); } catch {}
    await runProgram('true', [], { env: {}, timeoutMs: 60_000, signal }).catch(({ code }) => console.log(code));
    for (const each of open) closeSync(each);
    await runProgram('true', [], { env: process.env, timeoutMs: 60_000, signal });`;
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 100; exec "$0" --input-type=module -e "$1"', process.execPath, program],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  t.is(await text(child.stdout), 'EMFILE\n');
  t.is(child.exitCode ?? (await once(child, 'exit'))[0], 0);
});
