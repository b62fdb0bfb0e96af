/** An old Node is refused where it would be started, and where it would be packed. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const cli = join(root, 'dist/cli.js');

/** Node 20 lacks `Map.groupBy`, among others. */
const pretendToBe = (version: string) => `
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
  delete Map.groupBy;`;

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flock-old-node-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A module that makes any Node say that it is this one. */
async function disguise(t: ExecutionContext, version: string): Promise<string> {
  const path = join(await temporaryFolder(t), 'disguise.mjs');
  await writeFile(path, pretendToBe(version));
  return pathToFileURL(path).href;
}

for (const version of ['20.20.2', '22.18.0', '9.0.0']) {
  test(`the command line refuses Node ${version} in one line`, async t => {
    const args = ['--import', await disguise(t, version), cli, '--version'];
    const { code, stderr, stdout } = await t.throwsAsync<
      Error & { code: number; stderr: string; stdout: string }
    >(run(process.execPath, args));
    t.is(code, 1);
    t.is(stdout, '');
    t.is(stderr, `flock-anycast: Node >=22.19 is needed; this one is ${version} (${process.execPath})\n`);
  });
}

for (const version of ['22.19.0', '24.0.0', '100.0.0']) {
  test(`the command line starts in Node ${version}`, async t => {
    const { stdout } = await run(process.execPath, [
      '--import',
      await disguise(t, version),
      cli,
      '--version',
    ]);
    t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
  });
}

test('an image is not made with the old Node of the machine, and nothing is left of the attempt', async t => {
  const folder = await temporaryFolder(t);
  const checkout = join(folder, 'checkout');
  // A checkout without node_modules, as of somebody who has not run scripts/setup.
  await mkdir(join(checkout, 'scripts'), { recursive: true });
  for (const file of ['scripts/image', 'package.json']) await cp(join(root, file), join(checkout, file));
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const node = join(bin, 'node');
  const preload = await disguise(t, '20.20.2');
  await writeFile(node, `#!/bin/sh\nexec ${process.execPath} --import ${preload} "$@"\n`);
  await chmod(node, 0o755);
  const tree = join(folder, 'tree');
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const { stderr } = await t.throwsAsync<Error & { stderr: string }>(
    run(join(checkout, 'scripts/image'), ['agent', tree], { env }),
  );
  t.is(
    stderr,
    `scripts/image: the image needs Node 22.19 or newer, and ${node} is 20.20.2: ` +
      'run scripts/setup, or put a newer Node first in PATH\n',
  );
  t.false(existsSync(tree));
});
