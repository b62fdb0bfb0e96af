/**
 * Systems with musl. No Node for musl can be had from npm or Debian, so that Bun runs here, which has Node-API too.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createRoot, install, npmPackage, programRoutes, systemMounts } from './machine.ts';

const bun = { x64: '@oven/bun-linux-x64-musl@1.4.5', arm64: '@oven/bun-linux-aarch64-musl@1.4.5' };
const debianNames = { x64: 'amd64', arm64: 'arm64' } as const;

/** A system with musl and Bun, and the package in /work. */
async function createMusl(t: ExecutionContext, arch: 'x64' | 'arm64'): Promise<string> {
  const root = await createRoot(t, 'bookworm', debianNames[arch], ['musl']);
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  await copyFile(join(await npmPackage(bun[arch]), 'bin/bun'), join(root, 'usr/bin/bun'));
  await install(join(root, 'work'), { options: ['--ignore-scripts'] });
  return root;
}

const inWork = (root: string) => ['chroot', root, '/usr/bin/bun', '--cwd=/work', 'program-routes.js'];

test('x86-64 with musl, by /etc/alpine-release', async t => {
  const root = await createMusl(t, 'x64');
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(join(root, 'etc/alpine-release'), '3.22.0\n');
  const told = await programRoutes(t, inWork(root), { mounts: systemMounts(root) });
  t.like(told, { runtime: 'bun 1.4.5', addon: ['flock-anycast.musl.node'], failed: [] });
});

test('x86-64 with musl, by LIBC=musl', async t => {
  const root = await createMusl(t, 'x64');
  const told = await programRoutes(t, inWork(root), {
    mounts: systemMounts(root),
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LIBC: 'musl' },
  });
  t.like(told, { addon: ['flock-anycast.musl.node'], failed: [] });
});
