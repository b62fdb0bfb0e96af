/** Every package manager, and every way in which a node_modules comes to where it is used. */
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  createProject,
  environment,
  install,
  npmPackage,
  programRoutes,
  run,
  tarball,
  temporaryFolder,
} from './machine.ts';

const node = [process.execPath, 'program-routes.js'];
const works = { addon: ['flock-anycast.glibc.node'], failed: [] };

async function project(t: ExecutionContext): Promise<string> {
  const folder = join(await temporaryFolder(t), 'project');
  await createProject(folder);
  return folder;
}

test('npm without install scripts', async t => {
  const folder = await project(t);
  await install(folder, { options: ['--ignore-scripts'] });
  t.like(await programRoutes(t, node, { cwd: folder }), works);
});

test('pnpm, which runs no install script', async t => {
  const folder = await project(t);
  const pnpm = join(await npmPackage('pnpm@10.34.9'), 'bin/pnpm.cjs');
  await run(process.execPath, [pnpm, 'add', '--store-dir', join(folder, '../store'), tarball()], {
    cwd: folder,
    env: environment(),
  });
  t.like(await programRoutes(t, node, { cwd: folder }), works);
});

test('yarn with Plug’n’Play', async t => {
  const folder = await project(t);
  const yarn = join(await npmPackage('@yarnpkg/cli-dist@4.18.1'), 'bin/yarn.js');
  const env = environment({ YARN_GLOBAL_FOLDER: join(folder, '../yarn'), YARN_ENABLE_TELEMETRY: '0' });
  await writeFile(join(folder, 'yarn.lock'), '');
  await writeFile(join(folder, '.yarnrc.yml'), 'nodeLinker: pnp\n');
  const registry = (await run('npm', ['config', 'get', 'registry'], { env })).stdout.trim();
  await run(process.execPath, [yarn, 'add', `flock-anycast@file:${tarball()}`], {
    cwd: folder,
    env: { ...env, YARN_NPM_REGISTRY_SERVER: registry },
  });
  const told = await programRoutes(t, [process.execPath, yarn, 'node', 'program-routes.js'], {
    cwd: folder,
    env,
  });
  t.like(told, works);
});

test('a node_modules that can not be written', async t => {
  const folder = await project(t);
  await install(folder);
  const modules = join(folder, 'node_modules');
  const mounts = [`mount --bind '${modules}' '${modules}'`, `mount -o remount,ro,bind '${modules}'`];
  t.like(await programRoutes(t, node, { cwd: folder, mounts }), works);
});

test('a node_modules that is a symbolic link', async t => {
  const folder = await project(t);
  await install(folder);
  // Node asks for the real path's neighbours: only a folder of this name has any.
  await mkdir(join(folder, '../elsewhere'));
  await rename(join(folder, 'node_modules'), join(folder, '../elsewhere/node_modules'));
  await symlink('../elsewhere/node_modules', join(folder, 'node_modules'));
  t.like(await programRoutes(t, node, { cwd: folder }), works);
});

test('installed in one place and copied to another, as in a Dockerfile of stages', async t => {
  const build = await project(t);
  await install(build);
  const folder = join(build, '../application');
  await createProject(folder);
  await cp(join(build, 'node_modules'), join(folder, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await rm(build, { recursive: true });
  t.like(await programRoutes(t, node, { cwd: folder }), works);
});
