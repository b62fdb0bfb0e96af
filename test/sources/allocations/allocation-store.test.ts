import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLog } from '../../../lib/base/log.ts';
import type { AllocationInput } from '../../../lib/sources/allocations/allocation.ts';
import { AllocationStore } from '../../../lib/sources/allocations/allocation-store.ts';

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

test('the file is readable by owner and group alone, and no half-written one is left', async t => {
  const path = storePath(t);
  const store = await openStore(path);
  await store.commit(allocation());
  t.is(statSync(path).mode & 0o777, 0o640);
  t.false(existsSync(`${path}.new`));
});
