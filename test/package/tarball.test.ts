/**
 * The packed package on a machine that has neither a compiler nor libnl: a PATH of Node, npm, sh and the core
 * utilities alone, and a mount namespace in which the system's libnl is empty.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** What npm and a package's scripts may expect of any machine. */
const tools = ['sh', 'env', 'cat', 'cp', 'mkdir', 'ls', 'rm', 'uname', 'dirname', 'basename', 'readlink'];

async function findInPath(name: string): Promise<string> {
  return (await run('sh', ['-c', `command -v ${name}`])).stdout.trim();
}

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flock-package-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  const tarball = (await run(join(root, 'scripts/pack'), [folder], { maxBuffer: 1 << 26 })).stdout.trim();
  const { stdout } = await run('tar', ['-tzf', tarball]);
  return {
    tarball,
    files: stdout
      .trimEnd()
      .split('\n')
      .map(path => path.replace(/^package\//, '')),
  };
}

/** Files of the system's libnl, by the dynamic linker's own list. */
async function systemLibraries(): Promise<string[]> {
  const ldconfig = await run('/sbin/ldconfig', ['-p']);
  return [...ldconfig.stdout.matchAll(/libnl-3\.so\S* .*=> (\S+)/g)].map(match => match[1] as string);
}

test('the tarball installs and opens a socket without a compiler and without libnl', async t => {
  t.timeout(20 * 60_000);
  if (process.env.FLOCK_TEST_OFFLINE) {
    t.log('skipped: npm install needs the registry, and this sandbox has no network (run npm test as root)');
    t.pass();
    return;
  }
  try {
    await run('unshare', ['--mount', 'true']);
  } catch {
    t.log('skipped: hiding the system’s libnl needs a mount namespace (root, or npm test’s sandbox)');
    t.pass();
    return;
  }
  const folder = await temporaryFolder(t);
  const { tarball, files } = await pack(folder);
  for (const expected of [
    'binding.gyp',
    'dist/index.js',
    'dist/index.d.ts',
    'native/sources.gypi',
    'native/src/addon.cc',
    `prebuilds/linux-${process.arch}/flock-anycast.node`,
    `prebuilds/linux-${process.arch}/libnl-3.so.200`,
    `prebuilds/linux-${process.arch}/libnl-3.LICENSE`,
  ]) {
    t.true(files.includes(expected), expected);
  }
  t.deepEqual(
    files.filter(path => path.startsWith('test/') || path.includes('node_modules')),
    [],
  );

  const bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(process.execPath, join(bin, 'node'));
  for (const tool of [...tools, 'npm']) await symlink(await findInPath(tool), join(bin, tool));
  const machine = join(folder, 'machine');
  await mkdir(machine);
  await writeFile(join(machine, 'package.json'), '{ "name": "machine", "private": true, "type": "module" }');
  // What the machine needs to reach its registry (proxies, certificates) stays; what `npm test` set is about
  // this checkout.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$)/.test(name));
  const env = { ...Object.fromEntries(inherited), PATH: bin };
  await run(join(bin, 'npm'), ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], {
    cwd: machine,
    env,
    maxBuffer: 1 << 26,
  });
  const installed = join(machine, 'node_modules', 'flock-anycast');
  await t.throwsAsync(access(join(installed, 'build')), { code: 'ENOENT' }, 'nothing was compiled');

  await writeFile(
    join(machine, 'try.js'),
    `import { RouteSocket } from 'flock-anycast';
     const socket = new RouteSocket();
     const links = await socket.links();
     await socket.close();
     console.log(links.some(({ name }) => name === 'lo') ? 'works' : 'no interface');`,
  );
  const hide = (await systemLibraries()).map(path => `mount --bind /dev/null ${path}`);
  const withoutLibnl = (...command: string[]) =>
    run('unshare', ['--mount', 'sh', '-ec', [...hide, 'PATH=$0 exec "$@"'].join('\n'), bin, ...command], {
      cwd: machine,
    });
  t.is((await withoutLibnl('node', 'try.js')).stdout, 'works\n');

  // Checks that libnl was hidden, and the error on a machine without it.
  const carried = join(installed, 'prebuilds', `linux-${process.arch}`, 'libnl-3.so.200');
  t.deepEqual((await readdir(dirname(carried))).includes('libnl-3.so.200'), true);
  await rm(carried);
  await t.throwsAsync(withoutLibnl('node', 'try.js'), { message: /FLOCK_NATIVE_MISSING[\s\S]*npm rebuild/ });
});
