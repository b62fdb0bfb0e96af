/**
 * Systems with musl. No Node for musl can be had from npm or Debian, so that Bun runs here, which has Node-API too.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  createRoot,
  debian,
  find,
  install,
  npmPackage,
  programRoutes,
  run,
  scriptOf,
  systemMounts,
} from './machine.ts';

const bun = { x64: '@oven/bun-linux-x64-musl@1.4.5', arm64: '@oven/bun-linux-aarch64-musl@1.4.5' };
type Arch = keyof typeof bun;
const machines = {
  x64: { triple: 'x86_64-linux-musl', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triple: 'aarch64-linux-musl', loader: 'ld-linux-aarch64.so.1' },
};
const debianNames = { x64: 'amd64', arm64: 'arm64' } as const;

/** A system with musl and Bun, and the package in /work. */
async function createMusl(t: ExecutionContext, arch: Arch): Promise<string> {
  const root = await createRoot(t, 'bookworm', debianNames[arch], ['musl']);
  await copyFile(join(await npmPackage(bun[arch]), 'bin/bun'), join(root, 'usr/bin/bun'));
  await addCppRuntime(root, arch);
  await install(join(root, 'work'), { options: ['--ignore-scripts'] });
  return root;
}

/** Bun needs GCC's C++ runtime. Debian's is for glibc, and runs with musl when it finds what gnu-symbols.c has. */
async function addCppRuntime(root: string, arch: Arch): Promise<void> {
  const { triple, loader } = machines[arch];
  const glibc = await debian('bookworm', debianNames[arch], ['libgcc-s1', 'libstdc++6']);
  await mkdir(join(root, 'opt'));
  for (const name of ['libgcc_s.so.1', 'libstdc++.so.6'])
    await copyFile(await find(join(glibc, 'usr/lib'), name), join(root, 'opt', name));
  const zig = (await run(scriptOf('zig'), [])).stdout.trim();
  const source = new URL('gnu-symbols.c', import.meta.url).pathname;
  const options = ['-target', triple, '-shared', '-fPIC', '-O1', '-o', join(root, 'opt', loader)];
  await run(zig, ['cc', ...options, source]);
}

const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LD_LIBRARY_PATH: '/opt' };
const inWork = (root: string, ...emulator: string[]) => [
  'chroot',
  root,
  ...emulator,
  '/usr/bin/bun',
  '--cwd=/work',
  'program-routes.js',
];

test('x86-64 with musl, by /etc/alpine-release', async t => {
  const root = await createMusl(t, 'x64');
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(join(root, 'etc/alpine-release'), '3.22.0\n');
  const told = await programRoutes(t, inWork(root), { mounts: systemMounts(root), env });
  t.like(told, { runtime: 'bun 1.4.5', arch: 'x64', addon: ['flock-anycast.musl.node'], failed: [] });
});

for (const arch of ['x64', 'arm64'] as const)
  test(`${arch} with musl, by LIBC=musl`, async t => {
    const root = await createMusl(t, arch);
    // On arm64 the C++ runtime does not name the loader, which gnu-symbols.c stands for.
    const emulator = arch === 'arm64' ? ['/qemu', '-E', `LD_PRELOAD=/opt/${machines.arm64.loader}`] : [];
    if (arch === 'arm64') await copyFile('/usr/bin/qemu-aarch64-static', join(root, 'qemu'));
    const told = await programRoutes(t, inWork(root, ...emulator), {
      mounts: systemMounts(root),
      env: { ...env, LIBC: 'musl' },
    });
    t.like(told, { arch, addon: ['flock-anycast.musl.node'], failed: [] });
  });

test('a system with musl that nothing says of is told to set LIBC=musl', async t => {
  const root = await createMusl(t, 'x64');
  const error = await t.throwsAsync(programRoutes(t, inWork(root), { mounts: systemMounts(root), env }));
  t.regex(error?.message ?? '', /FLOCK_NATIVE_MISSING[\s\S]*set LIBC=musl/);
});
