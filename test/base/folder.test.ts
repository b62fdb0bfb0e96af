import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder } from '../../lib/base/folder.ts';

test('missing folders are made with their mode, and the first of them is named', async t => {
  const root = mkdtempSync(join(tmpdir(), 'flock-folder-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'a', 'b');
  t.is(await makeFolder(folder, 0o750), join(root, 'a'));
  t.is(statSync(folder).mode & 0o777, 0o750);
  t.is(await makeFolder(folder, 0o750), undefined);
});

test('where none can be made it says so, and does not try for ever', async t => {
  await t.throwsAsync(makeFolder('/proc/flock/anycast', 0o750), { code: 'ENOENT' });
});
