/** What users have stored in the API server outlives new definitions of the custom resources, and the old ones again. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { serverOfFile } from '../e2e/file-server.ts';
import type { ApiObject } from '../support/kube-api.ts';
import { eventually } from '../support/lab.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const { start } = serverOfFile(test);
const plurals: Record<string, string> = { NodeConfig: 'nodeconfigs', AnycastPool: 'anycastpools' };

const definitions = (folder: string): ApiObject[] =>
  Object.values(plurals).map(plural =>
    parse(readFileSync(join(folder, `deploy/base/crds/${plural}.yaml`), 'utf8')),
  );

/** The objects that the documentation of a version has users apply. */
function documented(folder: string): ApiObject[] {
  const page = readFileSync(join(folder, 'docs/install.md'), 'utf8');
  return [...page.matchAll(/^```yaml\n(.*?)^```$/gms)]
    .flatMap(([, text = '']) => parseAllDocuments(text).map(each => each.toJS() as ApiObject))
    .filter(({ kind }) => plurals[kind] !== undefined);
}

test('objects of the last release are kept, and can be written, under the new definitions and the old ones', async t => {
  const server = await start(t);
  const former = (await run(join(root, 'scripts/former-version'), [])).stdout.trim();
  const pathOf = ({ kind, metadata }: ApiObject) =>
    `/apis/anycast.flock-anycast.io/v1alpha1/${plurals[kind]}/${metadata.name}`;
  for (const each of definitions(former)) await server.apply(each);
  const objects = documented(former);
  t.true(objects.length >= 3);
  const served = () => Promise.all(objects.map(each => server.apply(each)));
  await eventually('the resources to be served', () =>
    served().then(
      () => true,
      () => false,
    ),
  );
  const specs = async () =>
    Promise.all(objects.map(async each => (await server.request('GET', pathOf(each))).spec));
  const before = await specs();
  t.deepEqual(
    before,
    objects.map(({ spec }) => spec),
  );
  for (const folder of [root, former]) {
    for (const each of definitions(folder)) await server.apply(each);
    t.deepEqual(await specs(), before);
    for (const each of objects) {
      const changed = {
        ...each,
        metadata: { ...each.metadata, labels: { from: folder === root ? 'new' : 'old' } },
      };
      await t.notThrowsAsync(server.apply(changed), `${each.kind} ${each.metadata.name}`);
    }
    t.deepEqual(await specs(), before);
  }
});
