/** The systemd unit, checked by systemd's own tools; systemd need not run. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const name = 'flock-anycast.service';
const unit = fileURLToPath(new URL(`../../deploy/systemd/${name}`, import.meta.url));

test('systemd finds no problem in the unit at the path of docs/install.md', async t => {
  const root = await mkdtemp(join(tmpdir(), 'flock-systemd-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const units = join(root, 'usr/lib/systemd/system');
  await cp('/usr/lib/systemd/system', units, { recursive: true, verbatimSymlinks: true });
  await mkdir(join(root, 'etc/systemd/system'), { recursive: true });
  await cp(unit, join(root, 'etc/systemd/system', name));
  const verify = () => run('systemd-analyze', ['verify', '--man=no', `--root=${root}`, name]);
  await t.throwsAsync(verify, { message: /flock-anycast is not executable: No such file/ });
  const program = join(root, 'usr/local/bin/flock-anycast');
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, '#!/usr/bin/env node\n', { mode: 0o755 });
  t.is((await verify()).stderr, '');
});

test('systemd calls the exposure of the unit OK', async t => {
  // Tenths: 3.0 of 10 in systemd 252, where a unit without any hardening has 9.6.
  const judge = ['security', '--offline=true', '--no-pager', '--threshold=30', unit];
  await t.notThrowsAsync(run('systemd-analyze', judge));
});
