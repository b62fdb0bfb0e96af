/** What an image gives to others has its licences with it, and says which sources it was built from. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../scripts/image', import.meta.url));

test("every program and library of BIRD's image has its licence beside it, and its source is named", async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flock-image-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const tree = join(folder, 'tree');
  await run(script, ['bird', tree]);
  const documents = join(tree, 'usr/share/doc');
  const sources = readFileSync(join(documents, 'SOURCES'), 'utf8').trimEnd().split('\n');
  const packages = sources.map(line => {
    const [name = '', version, source, sourceVersion, suite, ...rest] = line.split(' ');
    t.true(Boolean(version && source && sourceVersion && suite) && rest.length === 0, line);
    return name.replace(/:.*/, '');
  });
  for (const name of packages) t.true(existsSync(join(documents, name, 'copyright')), name);
  for (const name of ['bird2', 'libc6', 'dash', 'coreutils']) t.true(packages.includes(name), name);
  t.is(new Set(packages).size, packages.length);

  // The texts that they name.
  const common = readdirSync(join(tree, 'usr/share/common-licenses'));
  for (const name of packages) {
    const copyright = readFileSync(join(documents, name, 'copyright'), 'utf8');
    for (const [, text = ''] of copyright.matchAll(
      /\/usr\/share\/common-licenses\/([A-Za-z]+-[0-9.]*[0-9])/g,
    ))
      t.true(common.includes(text), `${name} names ${text}`);
  }

  // The list for scanners has them too.
  const sbom = JSON.parse(readFileSync(join(documents, 'sbom.spdx.json'), 'utf8')) as {
    packages: { name: string }[];
  };
  t.deepEqual(sbom.packages.map(({ name }) => name).sort(), packages.sort());
});
