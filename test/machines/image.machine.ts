/** The images as an operator makes them without an engine, in the containerd of Debian. */
import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { eventually, Lab } from '../support/lab.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../scripts/image', import.meta.url));
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** @returns the digest of each platform's manifest, as scripts/image prints them */
async function write(what: string, file: string): Promise<string> {
  return (await run(script, [what, '--oci', file], { maxBuffer: 1 << 26 })).stdout;
}

/** Starts a containerd of its own. @returns what runs `ctr` with it */
async function startContainerd(lab: Lab): Promise<(...args: string[]) => Promise<string>> {
  const config = join(lab.dir, 'config.toml');
  await writeFile(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  const address = join(lab.dir, 'containerd.sock');
  const places = ['--root', join(lab.dir, 'root'), '--state', join(lab.dir, 'state'), '--address', address];
  lab.track(spawn('containerd', ['--config', config, ...places], { stdio: 'ignore' }));
  const ctr = async (...args: string[]) => {
    const all = ['--address', address, '--namespace', `flock-${process.pid}`, ...args];
    const { stdout, stderr } = await run('ctr', all);
    return stdout + stderr;
  };
  await eventually('containerd to answer', () =>
    ctr('version').then(
      () => true,
      () => false,
    ),
  );
  return ctr;
}

for (const [what, name, command, says] of [
  ['bird', 'flock-anycast-bird', ['/usr/sbin/bird', '--version'], /^BIRD version 2\./],
  [
    'agent',
    'flock-anycast',
    ['/usr/bin/node', '/opt/flock-anycast/dist/cli.js', '--version'],
    `${version}\n`,
  ],
] as const)
  test.serial(`the image of ${what} is one for both processors, and containerd runs it`, async t => {
    const lab = await Lab.create();
    t.teardown(() => lab.destroy());
    const file = join(lab.dir, `${what}.oci`);
    const digests = await write(what, file);
    t.regex(digests, /^amd64 sha256:\w+\narm64 sha256:\w+\n$/);
    // The agent's takes minutes: it packs the package for each processor.
    if (what === 'bird') t.is(await write(what, join(lab.dir, 'again.oci')), digests);
    const ctr = await startContainerd(lab);
    await ctr('images', 'import', '--snapshotter', 'native', file);
    const image = `${name}:${version}`;
    t.regex(await ctr('images', 'ls'), /linux\/amd64,linux\/arm64/);
    const said = await ctr('run', '--rm', '--snapshotter', 'native', image, what, ...command);
    if (typeof says === 'string') t.is(said, says);
    else t.regex(said, says);
  });
