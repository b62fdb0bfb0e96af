import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { PodCache } from '../../../lib/sources/pods/pod-cache.ts';
import { PodDirectory } from '../../../lib/sources/pods/pod-directory.ts';
import { eventually } from '../../support/lab.ts';

const never = 1 << 30;

interface Line {
  level: number;
  event: string;
  code?: string;
  remedy?: string;
}

/** A folder of its own, followed by a source; rescans are far apart so that events are what is tested. */
async function follow(t: ExecutionContext, files: Record<string, string> = {}, rescanMs = never) {
  const outer = mkdtempSync(join(tmpdir(), 'flock-pods-'));
  const path = join(outer, 'pods');
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  const lines: Line[] = [];
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const cache = new PodCache();
  const told: string[] = [];
  const directory = new PodDirectory({ path, cache, log: pino({ messageKey: 'event' }, sink), rescanMs });
  t.teardown(() => {
    directory.stop();
    rmSync(outer, { recursive: true, force: true });
  });
  await directory.start();
  cache.onChange(keys => told.push(...keys));
  return {
    path,
    cache,
    told,
    warnings: () => lines.filter(({ level }) => level === 40),
    news: () => lines.map(({ event }) => event),
    /** Writes as a careful program does: beside the file, then renamed over it. */
    put(name: string, text: string) {
      writeFileSync(join(path, `.${name}.new`), text);
      renameSync(join(path, `.${name}.new`), join(path, name));
    },
    ready: (key: string) => cache.snapshot().get(key)?.ready,
  };
}

function manifest(name: string, ready = true, more = ''): string {
  return JSON.stringify({
    metadata: { namespace: 'dns', name, uid: `uid-${name}`, annotations: { more } },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
}

const yaml = (name: string, ready = 'True') => `
apiVersion: v1
kind: Pod
metadata: { namespace: dns, name: ${name}, uid: uid-${name} }
status:
  conditions:
  - type: Ready
    status: "${ready}"
`;

test('start reads JSON and YAML, and leaves alone what is no manifest', async t => {
  const { cache, warnings } = await follow(t, {
    'a.json': manifest('a'),
    'b.yaml': yaml('b'),
    'c.yml': yaml('c', 'False'),
    '.d.json': manifest('hidden'),
    'e.yaml~': yaml('backup'),
    '#f.yaml#': yaml('autosave'),
    '.g.yaml.swp': 'b0VIM',
    'README.md': '# not a pod',
    '4913': '',
  });
  t.true(cache.synced);
  t.deepEqual(
    [...cache.snapshot().values()].map(({ name, ready }) => [name, ready]),
    [
      ['a', true],
      ['b', true],
      ['c', false],
    ],
  );
  t.deepEqual(warnings(), []);
});

test.serial('a renamed file is in the cache by its event alone, and the log says how soon', async t => {
  const { cache, put } = await follow(t, { 'a.json': manifest('a') });
  const took: number[] = [];
  for (let flip = 0; flip < 60; flip++) {
    const began = performance.now();
    const changed = new Promise<void>(resolve => {
      const off = cache.onChange(() => {
        off();
        resolve();
      });
    });
    put('a.json', manifest('a', flip % 2 === 1));
    await changed;
    took.push(performance.now() - began);
  }
  took.sort((left, right) => left - right);
  const median = took[took.length >> 1] ?? Number.NaN;
  t.log(
    `from before the write to the change event: median ${median.toFixed(2)} ms, most ${took.at(-1)?.toFixed(2)} ms`,
  );
  t.is(took.length, 60, 'each by its event: the next rescan is days away');
});

test('a file added, changed in place and removed is a pod added, changed and removed', async t => {
  const { path, cache, ready } = await follow(t);
  writeFileSync(join(path, 'a.json'), manifest('a', false));
  await eventually('the new pod', () => ready('dns/a') === false);
  writeFileSync(join(path, 'a.json'), manifest('a', true));
  await eventually('the changed pod', () => ready('dns/a') === true);
  unlinkSync(join(path, 'a.json'));
  await eventually('no pod', () => cache.snapshot().size === 0);
  t.pass();
});

test('a file that comes to describe another pod is the end of the first', async t => {
  const { cache, put } = await follow(t, { 'a.json': manifest('a') });
  put('a.json', manifest('b'));
  await eventually('the other pod', () => [...cache.snapshot().keys()].join() === 'dns/b');
  t.pass();
});

test('a half-written file keeps its last good pod, without a word', async t => {
  const { path, told, ready, warnings } = await follow(t, { 'a.json': manifest('a') });
  const text = manifest('a', false);
  writeFileSync(join(path, 'a.json'), text.slice(0, 50));
  writeFileSync(join(path, 'b.json'), manifest('b'));
  await eventually('what was written later', () => ready('dns/b'));
  t.true(ready('dns/a'));
  t.deepEqual(told, ['dns/b']);
  appendFileSync(join(path, 'a.json'), text.slice(50));
  await eventually('the whole file', () => ready('dns/a') === false);
  t.deepEqual(warnings(), []);
});

test('a file left broken is reported once, and so is its cure', async t => {
  const { put, ready, warnings, news } = await follow(t, { 'a.yaml': yaml('a') }, 20);
  put('a.yaml', '{ metadata: [');
  await eventually('a warning', () => warnings().length > 0);
  await new Promise(resolve => setTimeout(resolve, 100));
  t.is(warnings().length, 1);
  t.is(warnings()[0]?.code, 'FLOCK_POD_INVALID');
  t.regex(warnings()[0]?.event ?? '', /a\.yaml is not YAML/);
  t.truthy(warnings()[0]?.remedy);
  t.true(ready('dns/a'));
  put('a.yaml', yaml('a', 'False'));
  await eventually('the cure', () => news().includes('pods: a.yaml: good again'));
  t.false(ready('dns/a'));
});

for (const [what, text] of Object.entries({
  empty: '',
  'several documents': `${yaml('a')}---${yaml('b')}`,
  'a list': '[]',
  'a billion laughs': `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]},`.repeat(9)}]`).join('\n')}`,
  binary: '\0\u0001\ufffd',
} satisfies Record<string, string>)) {
  test(`a file that is ${what} is reported and harms no other`, async t => {
    const { cache, warnings } = await follow(t, { 'a.yaml': text, 'b.yaml': yaml('b') });
    t.deepEqual([...cache.snapshot().keys()], ['dns/b']);
    t.deepEqual(
      warnings().map(({ code }) => code),
      ['FLOCK_POD_INVALID'],
    );
  });
}

test('a file above a mebibyte is refused unread', async t => {
  const { cache, warnings } = await follow(t, { 'a.json': manifest('a', true, 'x'.repeat(1 << 20)) });
  t.is(cache.snapshot().size, 0);
  t.regex(warnings()[0]?.event ?? '', /more than 1048576/);
});

test('a folder or a FIFO with the name of a manifest holds nothing up', async t => {
  const { path, ready, warnings } = await follow(t, {}, 20);
  mkdirSync(join(path, 'folder.yaml'));
  execFileSync('mkfifo', [join(path, 'fifo.yaml')]);
  writeFileSync(join(path, 'a.json'), manifest('a'));
  await eventually('the pod', () => ready('dns/a'));
  await eventually('both reported', () => warnings().length === 2);
  t.pass();
});

test('of two files for one pod the first by name is in force, and the warning names both', async t => {
  const { path, ready, warnings } = await follow(t, {
    'b.json': manifest('a', false),
    'a.json': manifest('a', true),
  });
  t.true(ready('dns/a'));
  t.is(warnings().length, 1);
  t.regex(warnings()[0]?.event ?? '', /dns\/a is described by a\.json and by b\.json; a\.json is in force/);
  unlinkSync(join(path, 'a.json'));
  await eventually('the second takes over', () => ready('dns/a') === false);
});

test('a change that no event tells of is found by the rescan', async t => {
  const { path, ready, put } = await follow(t, {}, 20);
  // Behind a symbolic link, as in a mounted ConfigMap: inotify sees the link's folder only.
  const target = join(path, '..', 'target.json');
  writeFileSync(target, manifest('a', true));
  symlinkSync(target, join(path, 'a.json'));
  await eventually('the pod behind the link', () => ready('dns/a'));
  writeFileSync(target, manifest('a', false));
  await eventually('the change behind the link', () => ready('dns/a') === false);
  put('b.json', manifest('b'));
  await eventually('events go on', () => ready('dns/b'));
  t.pass();
});

test("the swap of a Kubernetes volume's ..data link is read at once", async t => {
  const { path, ready } = await follow(t);
  for (const version of ['..1', '..2']) {
    mkdirSync(join(path, version));
    writeFileSync(join(path, version, 'a.json'), manifest('a', version === '..1'));
  }
  symlinkSync('..1', join(path, '..data'));
  symlinkSync(join('..data', 'a.json'), join(path, 'a.json'));
  await eventually('the pod', () => ready('dns/a'));
  symlinkSync('..2', join(path, '..data_tmp'));
  renameSync(join(path, '..data_tmp'), join(path, '..data'));
  await eventually('the pod of the new volume', () => ready('dns/a') === false);
  t.pass();
});

test('a folder that vanishes changes nothing, and is followed again when it is back', async t => {
  const { path, cache, ready, warnings, news } = await follow(t, { 'a.json': manifest('a') }, 20);
  renameSync(path, `${path}-away`);
  await eventually('a warning', () => warnings().length > 0);
  await new Promise(resolve => setTimeout(resolve, 100));
  t.is(warnings().length, 1);
  t.true(ready('dns/a'));
  mkdirSync(path);
  writeFileSync(join(path, 'a.json'), manifest('a', false));
  writeFileSync(join(path, 'b.json'), manifest('b'));
  await eventually('the new folder', () => ready('dns/a') === false && ready('dns/b'));
  await eventually('the end of the problem', () => news().includes(`pods: ${path}: good again`));
  unlinkSync(join(path, 'b.json'));
  await eventually('its events', () => cache.snapshot().size === 1);
});

test('a missing folder at the start is said at once, with what to do', async t => {
  const cache = new PodCache();
  const directory = new PodDirectory({ path: '/nonexistent/pods', cache, log: pino({ level: 'silent' }) });
  const error = await t.throwsAsync(directory.start(), { code: 'FLOCK_CONFIG_INVALID' });
  t.regex(error?.message ?? '', /\/nonexistent\/pods/);
  t.false(cache.synced);
});

test('a thousand changes in one go all arrive', async t => {
  const { cache, put } = await follow(t, {}, 200);
  for (let count = 0; count < 1000; count++) put(`${count}.json`, manifest(`pod-${count}`));
  for (let count = 0; count < 1000; count++) put(`${count}.json`, manifest(`pod-${count}`, false));
  await eventually('all of them not ready', () => {
    const pods = [...cache.snapshot().values()];
    return pods.length === 1000 && pods.every(({ ready }) => !ready);
  });
  t.pass();
});
