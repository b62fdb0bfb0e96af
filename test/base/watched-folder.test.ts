import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { WatchedFolder } from '../../lib/base/watched-folder.ts';
import { eventually } from '../support/lab.ts';

const never = 1 << 30;

function follow(t: ExecutionContext, pollMs = never) {
  const outer = mkdtempSync(join(tmpdir(), 'flock-folder-'));
  const path = join(outer, 'followed');
  const lines: Record<string, unknown>[] = [];
  const events: (string | undefined)[] = [];
  let polls = 0;
  const folder = new WatchedFolder({
    path,
    what: 'things',
    log: pino({ messageKey: 'event' }, { write: (line: string) => lines.push(JSON.parse(line)) }),
    pollMs,
    persistent: true,
    onEvent: name => events.push(name),
    onPoll: () => polls++,
  });
  t.teardown(() => {
    folder.stop();
    rmSync(outer, { recursive: true, force: true });
  });
  return {
    path,
    folder,
    lines,
    events,
    /** Resolves after one poll that began after this call. */
    polled() {
      const before = polls;
      return eventually('a poll', () => polls > before);
    },
    /** Writes an entry and resolves when its event has come. */
    async seen(name: string) {
      writeFileSync(join(path, name), '');
      await eventually(`the event of ${name}`, () => events.includes(name));
    },
  };
}

test('an entry that is added, replaced or removed is an event with its name', async t => {
  const { path, folder, events, seen } = follow(t);
  mkdirSync(path);
  folder.start();
  await seen('a');
  writeFileSync(join(path, '.b'), '');
  renameSync(join(path, '.b'), join(path, 'b'));
  await eventually('the event of the rename', () => events.includes('b'));
  events.length = 0;
  rmSync(join(path, 'a'));
  await eventually('the event of the removal', () => events.includes('a'));
  t.false(events.includes(undefined));
});

test('a folder that is missing is no error, and is found by the poll when it appears', async t => {
  const { path, folder, lines, polled, seen } = follow(t, 20);
  folder.start();
  await polled();
  mkdirSync(path);
  await polled();
  await seen('a');
  t.deepEqual(lines, []);
});

test('a folder that is moved away and replaced by another one at once is followed without a poll', async t => {
  const { path, folder, events, seen } = follow(t);
  mkdirSync(path);
  folder.start();
  renameSync(path, `${path}.old`);
  mkdirSync(path);
  await eventually('the event of the folder', () => events.includes(undefined));
  await seen('a');
  events.length = 0;
  writeFileSync(join(`${path}.old`, 'b'), '');
  await seen('c');
  t.false(events.includes('b'), 'the former folder is not followed');
});

test('a deleted folder is followed again when it is back, also if it has the same inode number', async t => {
  const { path, folder, polled, seen } = follow(t, 20);
  mkdirSync(path);
  folder.start();
  for (let round = 0; round < 5; round++) {
    rmdirSync(path);
    mkdirSync(path);
    await polled();
    await seen(`${round}`);
    rmSync(join(path, `${round}`));
  }
  t.pass();
});

test('a link to a folder that is replaced by another link is found by the poll', async t => {
  const { path, folder, polled, seen } = follow(t, 20);
  for (const name of ['one', 'two']) mkdirSync(`${path}.${name}`);
  symlinkSync(`${path}.one`, path);
  folder.start();
  await seen('a');
  symlinkSync(`${path}.two`, `${path}.new`);
  renameSync(`${path}.new`, path);
  await polled();
  await seen('b');
  t.pass();
});

test("the swap of a Kubernetes volume's ..data link may have changed any entry", async t => {
  const { path, folder, events } = follow(t);
  mkdirSync(path);
  symlinkSync('..one', join(path, '..data'));
  folder.start();
  symlinkSync('..two', join(path, '..data_tmp'));
  renameSync(join(path, '..data_tmp'), join(path, '..data'));
  await eventually('the event of the swap', () => events.includes(undefined));
  t.false(events.includes('..data'));
});

test('nothing is called after stop', async t => {
  const { path, folder, events } = follow(t, 10);
  mkdirSync(path);
  folder.start();
  folder.stop();
  writeFileSync(join(path, 'a'), '');
  await new Promise(resolve => setTimeout(resolve, 50));
  t.deepEqual(events, []);
});

/** Another user and not root, who may read everything. */
const nobody = 65534;

test.serial('a folder that may not be read is reported once, and followed when it may', async t => {
  try {
    process.seteuid?.(nobody);
    process.seteuid?.(0);
  } catch {
    return t.pass('this user can not become another one');
  }
  const { path, folder, lines, polled, seen } = follow(t, 20);
  mkdirSync(path);
  chmodSync(path, 0o711);
  chmodSync(join(path, '..'), 0o755);
  process.seteuid?.(nobody);
  t.teardown(() => process.seteuid?.(0));
  folder.start();
  await polled();
  await polled();
  process.seteuid?.(0);
  t.is(lines.length, 1);
  t.like(lines[0], { level: 40, code: 'EACCES', path, remedy: 'let this program read the folder' });
  chownSync(path, nobody, nobody);
  await polled();
  t.is(lines.at(-1)?.event, 'things: changes are seen at once again');
  await seen('a');
});

const cases = {
  ENOSPC: /^raise sysctl fs\.inotify\.max_user_watches$/,
  EMFILE: /^raise sysctl fs\.inotify\.max_user_instances/,
};
for (const [code, remedy] of Object.entries(cases)) {
  test(`without a watch (${code}) the poll goes on alone, with one warning, until there is a watch again`, async t => {
    const unshare = ['unshare', '--user', '--map-root-user'] as const;
    try {
      execFileSync(unshare[0], [...unshare.slice(1), 'true'], { stdio: 'ignore' });
    } catch {
      return t.pass('no user namespaces here');
    }
    const program = join(import.meta.dirname, 'without-watches.ts');
    const { stdout } = await promisify(execFile)(unshare[0], [
      ...unshare.slice(1),
      process.execPath,
      program,
      code,
    ]);
    const { path, without, after } = JSON.parse(stdout);
    t.deepEqual(without.events, []);
    t.is(without.lines.length, 1);
    t.like(without.lines[0], { level: 40, code, path });
    t.regex(without.lines[0].event, /^things: changes are seen only every 20 ms: /);
    t.regex(without.lines[0].remedy, remedy);
    t.deepEqual(after, [{ level: 30, path, event: 'things: changes are seen at once again' }]);
  });
}
