import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { procSysctls } from '../../lib/sysctl/sysctls.ts';

test('what is not there is undefined, and a folder that is not there has no names', t => {
  t.is(procSysctls.read('net/ipv4/no_such'), undefined);
  t.is(procSysctls.read('net/ipv4/ip_forward/no_such'), undefined);
  t.deepEqual(procSysctls.list('net/no_such'), []);
  t.regex(procSysctls.read('net/ipv4/ip_forward') ?? '', /^[01]$/);
});

test('what can not be read without a free descriptor is an error: it is not taken for absent', async t => {
  const module = new URL('../../lib/sysctl/sysctls.ts', import.meta.url).href;
  const program = `
    import { openSync } from 'node:fs';
    import { procSysctls } from '${module}';
    const answers = [];
    const ask = use => { try { answers.push(use()); } catch ({ code }) { answers.push(code); } };
    try { for (;;) openSync('/dev/null'); } catch {}
    ask(() => procSysctls.read('net/ipv4/ip_forward'));
    ask(() => procSysctls.list('net/ipv4/conf'));
    console.log(answers.join());`;
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 100; exec "$0" --input-type=module -e "$1"', process.execPath, program],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  t.is(await text(child.stdout), 'EMFILE,EMFILE\n');
});
