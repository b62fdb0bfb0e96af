import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { FlockError } from '../../lib/base/errors.ts';
import { WatchedFile } from '../../lib/base/watched-file.ts';
import { eventually } from '../support/lab.ts';

interface Line {
  level: number;
  event: string;
}

function watched(t: ExecutionContext, { pollMs = 60_000 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'flock-watched-'));
  const path = join(folder, 'number.json');
  const lines: Line[] = [];
  const log = pino(
    { messageKey: 'event' },
    { write: (line: string) => lines.push(JSON.parse(line) as Line) },
  );
  const file = new WatchedFile<{ n: number }>({
    path,
    what: 'number file',
    invalid: 'FLOCK_ALLOCATIONS_INVALID',
    parse: text => {
      if (!/^\d+$/.test(text)) {
        throw new FlockError('FLOCK_ALLOCATIONS_INVALID', `${text} is no number`);
      }
      return { n: Number(text) };
    },
    log,
    pollMs,
  });
  t.teardown(() => {
    file.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const becomes = (n: number) => eventually(`${n}`, () => file.snapshot()?.n === n);
  return { folder, path, file, lines, becomes };
}

test('there is no value until the file was once good', async t => {
  const { path, file, lines, becomes } = watched(t);
  file.start();
  t.is(file.snapshot(), undefined);
  t.is(file.problem?.code, 'FLOCK_ALLOCATIONS_INVALID');
  t.is(lines.length, 1);
  writeFileSync(path, '7');
  await becomes(7);
  t.is(file.problem, undefined);
});

test('a change is seen by its event, long before the poll, and told to listeners once', async t => {
  const { path, file, becomes } = watched(t);
  writeFileSync(path, '1');
  file.start();
  let calls = 0;
  const off = file.onChange(() => calls++);
  writeFileSync(`${path}.new`, '2');
  renameSync(`${path}.new`, path);
  await becomes(2);
  t.is(calls, 1);
  writeFileSync(path, '2');
  file.load();
  t.is(calls, 1, 'the same text is no change');
  off();
  writeFileSync(path, '3');
  await becomes(3);
  t.is(calls, 1);
});

test('a file that turns bad or vanishes leaves the last good value, one line for each problem', async t => {
  const { path, file, lines, becomes } = watched(t);
  writeFileSync(path, '1');
  file.start();
  writeFileSync(path, 'one');
  file.load();
  file.load();
  t.is(file.snapshot()?.n, 1);
  t.deepEqual(
    lines.map(line => line.event),
    ['number file: one is no number; the last good one stays'],
  );
  unlinkSync(path);
  file.load();
  file.load();
  t.is(file.snapshot()?.n, 1);
  t.is(lines.length, 2);
  t.regex(lines[1]?.event ?? '', /ENOENT/);
  writeFileSync(path, '2');
  await becomes(2);
  file.load();
  t.is(lines.at(-1)?.event, 'number file: good again');
});

test('a half-written file makes no noise while it is completed', async t => {
  const { path, file, lines, becomes } = watched(t);
  writeFileSync(path, '1');
  file.start();
  writeFileSync(path, '2x');
  await eventually('the bad text is seen', () => file.problem !== undefined);
  writeFileSync(path, '22');
  await becomes(22);
  t.deepEqual(lines, []);
});

test('a folder that appears later, or is replaced by another, is found by the poll', async t => {
  const { folder, path, file, becomes } = watched(t, { pollMs: 20 });
  rmSync(folder, { recursive: true });
  file.start();
  mkdirSync(folder);
  writeFileSync(path, '1');
  await becomes(1);
  renameSync(folder, `${folder}.old`);
  t.teardown(() => rmSync(`${folder}.old`, { recursive: true }));
  mkdirSync(folder);
  writeFileSync(path, '2');
  await becomes(2);
  t.is(file.problem, undefined);
});

test("a ConfigMap volume's swap of its ..data link is seen", async t => {
  const { folder, path, file, becomes } = watched(t);
  for (const n of [1, 2]) {
    mkdirSync(join(folder, `..${n}`));
    writeFileSync(join(folder, `..${n}`, 'number.json'), `${n}`);
  }
  symlinkSync('..1', join(folder, '..data'));
  symlinkSync(join('..data', 'number.json'), path);
  file.start();
  t.is(file.snapshot()?.n, 1);
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await becomes(2);
});

test('nothing is read after stop', async t => {
  const { path, file } = watched(t, { pollMs: 10 });
  writeFileSync(path, '1');
  file.start();
  file.stop();
  writeFileSync(path, '2');
  await new Promise(resolve => setTimeout(resolve, 50));
  t.is(file.snapshot()?.n, 1);
});
