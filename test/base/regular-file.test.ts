import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { readTextFile } from '../../lib/base/regular-file.ts';
import { ConfigFile } from '../../lib/bird/config-file.ts';
import { readPasswords } from '../../lib/bird/passwords.ts';
import { checkConfigs } from '../../lib/commands/check-config.ts';
import { loadAgentConfig } from '../../lib/config/agent-config.ts';
import { NodeConfigCache, parseNodeConfig } from '../../lib/config/node-config.ts';
import { PoolFileCache } from '../../lib/config/pool-file.ts';
import { IdentityMemory } from '../../lib/ownership/identity-memory.ts';
import { WatchedAllocations } from '../../lib/sources/allocations/allocation-file.ts';
import { AllocationStore } from '../../lib/sources/allocations/allocation-store.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'flock-files-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a regular file is read whole, by a symbolic link too, up to its bound', t => {
  const dir = folder(t);
  const path = join(dir, 'file');
  writeFileSync(path, 'abc');
  symlinkSync(path, join(dir, 'link'));
  t.is(readTextFile(join(dir, 'link'), 3), 'abc');
  t.throws(() => readTextFile(path, 2), { message: `${path} has 3 bytes, more than 2` });
  t.throws(() => readTextFile(join(dir, 'none'), 2), { code: 'ENOENT' });
  t.true(readTextFile('/proc/self/status', 1 << 16).startsWith('Name:'), 'it has no size');
  t.throws(() => readTextFile('/proc/self/status', 10), { message: /more than 10 bytes/ });
});

/** What each path leads to, and what is said of it. */
const obstacles: [string, (path: string) => void, RegExp][] = [
  [
    'a FIFO',
    path => execFileSync('mkfifo', [path]),
    /is a FIFO: only a regular file is read, of at most \d+ bytes/,
  ],
  ['/dev/zero', path => symlinkSync('/dev/zero', path), /is a device: only a regular file/],
  ['a folder', path => mkdirSync(path), /is a directory: only a regular file/],
  [
    'a sparse file of 1 GiB',
    path => {
      writeFileSync(path, '');
      truncateSync(path, 1 << 30);
    },
    /has 1073741824 bytes, more than \d+/,
  ],
];

const log = pino({ level: 'silent' });
const bgp = { localAsn: 64512, routerId: '192.0.2.1' };
const kubeconfig = (cluster: object, user: object) =>
  JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.1', ...cluster } }],
    users: [{ name: 'u', user }],
  });
const loadFrom = (path: string, cluster: object, user: object) => {
  writeFileSync(`${path}.kubeconfig`, kubeconfig(cluster, user));
  loadKubernetesServer(`${path}.kubeconfig`);
};
const problemOf = (file: { load(): unknown; problem: Error | undefined }) => {
  file.load();
  if (file.problem !== undefined) throw file.problem;
};

const readers: [string, (path: string) => unknown][] = [
  ['the agent config', path => loadAgentConfig(path)],
  ['a node config', path => problemOf(new NodeConfigCache({ path, log }))],
  ['a file of pools', path => problemOf(new PoolFileCache({ path, log }))],
  ['the allocations of a store', path => new AllocationStore({ path, log }).start()],
  [
    'a password',
    path =>
      readPasswords(
        parseNodeConfig(
          JSON.stringify({
            bgp: { ...bgp, peers: [{ name: 'tor', address: '192.0.2.2', asn: 64500, passwordFile: path }] },
          }),
          'node config',
        ),
      ),
  ],
  ['bird.conf', path => new ConfigFile(path).read()],
  ['the state', path => new IdentityMemory(path).load()],
  ['a kubeconfig', path => loadKubernetesServer(path)],
  ['a token', path => loadFrom(path, {}, { tokenFile: path })],
  ['an authority', path => loadFrom(path, { 'certificate-authority': path }, {})],
  ['a certificate', path => loadFrom(path, {}, { 'client-certificate': path, 'client-key': path })],
  ['a file to check', path => Promise.reject(new Error(`${path}: ${checkConfigs([path])[0]?.problem}`))],
];

for (const [what, make, expected] of obstacles) {
  for (const [reader, read] of readers) {
    test(`${what} is no obstacle to reading ${reader}, and is named`, async t => {
      const path = join(folder(t), 'path');
      make(path);
      const error = await t.throwsAsync(async () => read(path));
      t.true(error?.message.includes(path), error?.message);
      t.regex(error?.message ?? '', expected);
    });
  }
}

test('an allocation file that becomes a FIFO keeps the last good allocations', async t => {
  const path = join(folder(t), 'allocations.json');
  const lines: string[] = [];
  const source = new WatchedAllocations({ path, log: pino({}, { write: line => void lines.push(line) }) });
  t.teardown(() => source.stop());
  const allocation = { namespace: 'ns', name: 'a', uid: 'u', hostInterface: 'veth0', state: 'committed' };
  writeFileSync(path, JSON.stringify({ version: 1, allocations: [allocation] }));
  await source.start();
  rmSync(path);
  execFileSync('mkfifo', [path]);
  await source.start();
  t.is(source.snapshot().size, 1);
  t.true(
    lines.some(line => line.includes('is a FIFO')),
    lines.join(),
  );
});
