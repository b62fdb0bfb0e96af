import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { writeDurably } from '../../../lib/base/durable-file.ts';
import { createLog } from '../../../lib/base/log.ts';
import {
  type AllocationInput,
  formatAllocationFile,
  parseAllocation,
  parseAllocationFile,
} from '../../../lib/sources/allocations/allocation.ts';
import { AllocationStore } from '../../../lib/sources/allocations/allocation-store.ts';
import { eventually } from '../../support/lab.ts';

const log = createLog('silent');
const allocation = (over: Partial<AllocationInput> = {}): AllocationInput => ({
  namespace: 'default',
  name: 'dns-1',
  uid: 'u1',
  hostInterface: 'veth1',
  ipv4: '10.0.0.1',
  anycast: ['192.0.2.53'],
  state: 'committed',
  ...over,
});

function storePath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flock-store-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state', 'allocations.json');
}

async function openStore(path: string): Promise<AllocationStore> {
  const store = new AllocationStore({ path, log });
  await store.start();
  return store;
}

test('what was committed is there after a restart', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  await store.commit(allocation());
  await store.commit(allocation({ name: 'dns-2', state: 'pending' }));
  t.deepEqual((await openStore(path)).snapshot(), store.snapshot());
  t.deepEqual([...store.snapshot().keys()], ['default/dns-1', 'default/dns-2']);
});

test('listeners hear of a commit only when it is on disk, and not of one that changes nothing', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  const heard: string[] = [];
  store.onChange(keys => heard.push(`${[...keys]} ${readFileSync(path, 'utf8').includes('dns-1')}`));
  await store.commit(allocation());
  await store.commit(allocation());
  await store.release('default', 'dns-1');
  await store.release('default', 'dns-1');
  t.deepEqual(heard, ['default/dns-1 true', 'default/dns-1 false']);
});

test('many commits at once all arrive', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  const names = Array.from({ length: 50 }, (_, index) => `dns-${index}`);
  await Promise.all(names.map(name => store.commit(allocation({ name }))));
  t.is((await openStore(path)).snapshot().size, 50);
});

test('a malformed allocation is refused by its field and leaves the store as it was', async t => {
  const store = await openStore(storePath(t));
  const error = t.throws(() => store.commit(allocation({ hostInterface: '../../etc/passwd' })), {
    code: 'FLOCK_ALLOCATIONS_INVALID',
  });
  t.regex(error?.message ?? '', /default\/dns-1: hostInterface/);
  t.is(store.snapshot().size, 0);
});

test('a write that fails is an error, and the store stays as it was on disk and in memory', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  await store.commit(allocation());
  rmSync(join(path, '..'), { recursive: true });
  writeFileSync(join(path, '..'), 'a file where the folder was');
  await t.throwsAsync(store.commit(allocation({ name: 'dns-2' })));
  t.deepEqual([...store.snapshot().keys()], ['default/dns-1']);
  rmSync(join(path, '..'));
  await store.commit(allocation({ name: 'dns-3' }));
  t.deepEqual([...(await openStore(path)).snapshot().keys()], ['default/dns-1', 'default/dns-3']);
});

test('one bad entry is kept in the file, and the others are in force', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  await store.commit(allocation());
  const file = JSON.parse(readFileSync(path, 'utf8'));
  file.allocations.push({ namespace: 'default', name: 'BAD', colour: 'red' });
  writeFileSync(path, JSON.stringify(file));
  const again = await openStore(path);
  t.deepEqual([...again.snapshot().keys()], ['default/dns-1']);
  await again.commit(allocation({ name: 'dns-2' }));
  t.true(readFileSync(path, 'utf8').includes('"colour": "red"'));
});

for (const [what, text] of [
  ['broken JSON', '{"version":1,'],
  ['another version', '{"version":2,"allocations":[]}'],
  ['another shape', '[]'],
  ['nothing', ''],
] as const) {
  test(`a file of ${what} stops the start rather than being written over`, async t => {
    const path = storePath(t);
    await (await openStore(path)).commit(allocation());
    writeFileSync(path, text);
    await t.throwsAsync(openStore(path), { code: 'FLOCK_ALLOCATIONS_INVALID' });
    t.is(readFileSync(path, 'utf8'), text);
  });
}

/** Enough for a journal. */
const many = 2000;

async function largeStore(
  t: ExecutionContext,
): Promise<{ path: string; journal: string; store: AllocationStore }> {
  const path = storePath(t);
  const file = parseAllocationFile('{"version":1,"allocations":[]}', path);
  for (let index = 0; index < many; index++)
    file.allocations.set(`default/pod-${index}`, parseAllocation(allocation({ name: `pod-${index}` }), path));
  await writeDurably(path, formatAllocationFile(file));
  return { path, journal: `${path}.journal`, store: await openStore(path) };
}

test('a change of a large store is a line in the journal beside it, whatever is stored', async t => {
  const { path, journal, store } = await largeStore(t);
  const before = statSync(path, { bigint: true });
  await store.commit(allocation({ name: 'new' }));
  const length = statSync(journal).size;
  await store.commit(allocation({ name: 'newer' }));
  await store.release('default', 'pod-1', { uid: 'u1' });
  t.true(statSync(journal).size < 3 * length);
  t.true(length < 1000, `${length} bytes`);
  t.is(statSync(path, { bigint: true }).ino, before.ino, 'the file is not written again');
  const again = await openStore(path);
  t.deepEqual(again.snapshot(), store.snapshot());
  t.is(again.snapshot().size, many + 1);
});

test('a journal as large as its file is merged into it, and at the end what is left of it', async t => {
  const { path, journal, store } = await largeStore(t);
  const before = statSync(path).ino;
  let largest = 0;
  for (let index = 0; statSync(path).ino === before; index++) {
    await store.commit(allocation({ name: `new-${index}`, addresses: Array(200).fill('2001:db8::1') }));
    largest = Math.max(largest, statSync(journal).size);
  }
  t.true(largest < 3 * statSync(path).size);
  await store.release('default', 'pod-1');
  const snapshot = new Map(store.snapshot());
  await store.stop();
  t.deepEqual(parseAllocationFile(readFileSync(path, 'utf8'), path).allocations, snapshot);
  t.deepEqual((await openStore(path)).snapshot(), snapshot);
});

test('a line that is not complete is dropped, and the next one takes its place', async t => {
  for (const rest of ['[{"key":"default/to', '[{"key":\n', '\0\0\0\n', '\0'.repeat(5000)]) {
    const { path, journal, store } = await largeStore(t);
    await store.commit(allocation({ name: 'durable' }));
    appendFileSync(journal, rest);
    const again = await openStore(path);
    t.is(again.snapshot().size, many + 1, rest);
    await again.commit(allocation({ name: 'x' }));
    t.deepEqual((await openStore(path)).snapshot(), again.snapshot(), rest);
  }
});

test('a journal that is damaged before its last line stops the start', async t => {
  const { path, journal, store } = await largeStore(t);
  await store.commit(allocation({ name: 'one' }));
  await store.commit(allocation({ name: 'two' }));
  writeFileSync(journal, readFileSync(journal, 'utf8').replace('"one"', '"ONE"'));
  const error = await t.throwsAsync(openStore(path), { code: 'FLOCK_ALLOCATIONS_INVALID' });
  t.regex(error?.message ?? '', /allocations\.json\.journal, line 2/);
});

test('a file that was replaced makes its journal void, also while the store is open', async t => {
  const { path, store } = await largeStore(t);
  const copy = readFileSync(path, 'utf8');
  await store.commit(allocation({ name: 'one' }));
  writeFileSync(`${path}.copy`, copy.replaceAll('pod-1', 'pad-1'));
  renameSync(`${path}.copy`, path);
  const again = await openStore(path);
  t.false(again.snapshot().has('default/one'));
  t.true(again.snapshot().has('default/pad-1'));
  await store.commit(allocation({ name: 'two' }));
  t.deepEqual((await openStore(path)).snapshot(), store.snapshot(), 'the one writer writes what it has');
});

for (const [what, spoil] of Object.entries({
  'whose journal was removed': (path: string) => rmSync(`${path}.journal`),
  'whose journal was cut': (path: string) => writeFileSync(`${path}.journal`, ''),
  'that was removed with its folder': (path: string) => rmSync(join(path, '..'), { recursive: true }),
})) {
  test(`a store ${what} is written as a whole at the next change`, async t => {
    const { path, store } = await largeStore(t);
    await store.commit(allocation({ name: 'one' }));
    spoil(path);
    await store.commit(allocation({ name: 'two' }));
    t.deepEqual((await openStore(path)).snapshot(), store.snapshot());
  });
}

test('a journal that can not be written is an error, and the store stays as it was', async t => {
  const { path, journal, store } = await largeStore(t);
  mkdirSync(journal);
  await t.throwsAsync(store.commit(allocation({ name: 'one' })));
  t.is(store.snapshot().size, many);
  rmSync(journal, { recursive: true });
  await store.commit(allocation({ name: 'two' }));
  t.deepEqual((await openStore(path)).snapshot(), store.snapshot());
});

test('what was answered is there after kill -9, whenever it comes', async t => {
  const { path } = await largeStore(t);
  const store = new URL('../../../lib/sources/allocations/allocation-store.ts', import.meta.url);
  const script = `
    const { AllocationStore } = await import(${JSON.stringify(store.href)});
    const log = { info() {}, warn() {} };
    const store = new AllocationStore({ path: ${JSON.stringify(path)}, log });
    await store.start();
    for (let index = 0; ; index++) {
      const name = process.argv[1] + '-' + index;
      const addresses = Array(300).fill('2001:db8::1');
      await store.commit({ ...${JSON.stringify(allocation())}, addresses, name });
      process.stdout.write(name + '\\n');
    }`;
  const answered: string[] = [];
  for (const round of ['a', 'b', 'c']) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, round]);
    let output = '';
    child.stdout.on('data', data => {
      output += data;
    });
    await eventually('answers', () => output.split('\n').length > 50);
    const ended = new Promise(resolve => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    answered.push(...output.split('\n').slice(0, -1));
    const { size } = (await openStore(path)).snapshot();
    t.true(size >= many + answered.length);
  }
  const stored = (await openStore(path)).snapshot();
  t.deepEqual(
    answered.filter(name => !stored.has(`default/${name}`)),
    [],
  );
});

test('a disk that is full refuses a change, of which nothing stays, and takes the next one when it has room', t => {
  const folder = mkdtempSync(join(tmpdir(), 'flock-full-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const store = new URL('../../../lib/sources/allocations/allocation-store.ts', import.meta.url);
  const script = `
    import { rmSync, statfsSync, writeFileSync } from 'node:fs';
    const { AllocationStore } = await import(${JSON.stringify(store.href)});
    const log = { info() {}, warn() {} };
    const path = 'allocations.json';
    const allocation = ${JSON.stringify(allocation({ addresses: Array(2000).fill('2001:db8::1') }))};
    const open = async () => {
      const store = new AllocationStore({ path, log });
      await store.start();
      return store;
    };
    const store = await open();
    for (let index = 0; index < 20; index++) await store.commit({ ...allocation, name: 'pod-' + index });
    // Room for a part of the next line.
    const { bavail, bsize } = statfsSync('.');
    writeFileSync('filler', Buffer.alloc((bavail - 1) * bsize));
    const outcome = await store.commit({ ...allocation, name: 'refused' }).then(() => 'taken', ({ code }) => code);
    const kept = [store.snapshot().size, (await open()).snapshot().size];
    rmSync('filler');
    await store.commit({ ...allocation, name: 'taken' });
    const last = [...(await open()).snapshot().keys()].slice(-2);
    console.log(JSON.stringify({ outcome, kept, last }));`;
  const command = `mount -t tmpfs -o size=4m tmpfs ${folder} && cd ${folder} && exec "$@"`;
  const args = ['-m', 'sh', '-c', command, 'sh', process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  t.deepEqual(JSON.parse(stdout || JSON.stringify(stderr)), {
    outcome: 'ENOSPC',
    kept: [20, 20],
    last: ['default/pod-19', 'default/taken'],
  });
});

test('the file is readable by owner and group alone, and no half-written one is left', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  await store.commit(allocation());
  t.is(statSync(path).mode & 0o777, 0o640);
  t.false(existsSync(`${path}.new`));
});
