/** An old Node is refused where it would be started. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
