/** The program accepts the examples in the README and on the installation page; what the pages name exists. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { checkConfigs } from '../lib/commands/check-config.ts';
import { parseAgentConfig } from '../lib/config/agent-config.ts';
import { nodeConfigKeys, parseNodeConfig } from '../lib/config/node-config.ts';
import { parseAllocationFile } from '../lib/sources/allocations/allocation.ts';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const readme = read('README.md');
const contributing = read('CONTRIBUTING.md');
const install = read('docs/install.md');

/** The first fenced block of a language that contains `mark`. */
function example(language: string, mark: string, page = readme): string {
  for (const [, block = ''] of page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))) {
    if (block.includes(mark)) return block;
  }
  throw new Error(`the page has no ${language} with ${mark}`);
}

test("the README's agent configuration is accepted, and needs nothing more", t => {
  t.is(parseAgentConfig(example('yaml', 'pods:'), 'README.md').bird.mode, 'learn');
});

test("the README's node config is accepted", t => {
  t.is(parseNodeConfig(example('yaml', 'bgp:'), 'README.md').bgp.peers.length, 2);
});

test("the README's allocations are accepted", t => {
  const { allocations, unusable } = parseAllocationFile(example('json', '"allocations"'), 'README.md');
  t.deepEqual([...allocations.keys()], ['default/dns-1']);
  t.deepEqual(unusable, []);
});

test('the resources of the installation page are accepted, also merged', t => {
  const dir = mkdtempSync(join(tmpdir(), 'flock-docs-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'resources.yaml');
  writeFileSync(path, example('yaml', 'kind: AnycastPool', install));
  t.deepEqual(
    checkConfigs([path]).map(({ what, problem }) => [what, problem]),
    [
      ['NodeConfig default', undefined],
      ['NodeConfig node-a', undefined],
      ['AnycastPool dns', undefined],
      ['NodeConfig node-a over default', undefined],
    ],
  );
});

test('the peer of the installation page is accepted', t => {
  const { peers } = parse(example('yaml', 'passwordKey', install));
  t.true(nodeConfigKeys.peers.parse(peers)[0]?.bfd);
});

for (const [name, page] of Object.entries({ README: readme, CONTRIBUTING: contributing })) {
  test(`every script that ${name} names exists`, t => {
    const { scripts } = JSON.parse(read('package.json'));
    for (const [, script = ''] of page.matchAll(/npm run ([a-z0-9:]+)/g)) t.truthy(scripts[script], script);
  });

  test(`every file that ${name} names exists`, t => {
    const named = page.matchAll(/[`(]((?:lib|native|test|scripts|docs|deploy|bench)\/[\w./-]*)/g);
    for (const [, path = ''] of named)
      if (!path.startsWith('bench/results')) t.true(existsSync(new URL(path, root)), path);
  });
}

test("CONTRIBUTING's drawing has every room, in the order in which lint lets them import", t => {
  const drawing = contributing.slice(contributing.indexOf('cli.ts'), contributing.indexOf('native/src/'));
  const drawn = [...drawing.matchAll(/^ {2,4}(\w+)\/ /gm)].map(([, room]) => room);
  const rooms = ['lib', 'lib/kernel'].flatMap(folder =>
    readdirSync(new URL(folder, root), { withFileTypes: true }).flatMap(entry =>
      entry.isDirectory() ? entry.name : [],
    ),
  );
  t.deepEqual(drawn.toSorted(), rooms.toSorted());
  const includes = [...read('.biome.rooms.jsonc').matchAll(/"lib\/(?:kernel\/)?(\w+)\/\*/g)].map(
    ([, room]) => room,
  );
  t.deepEqual(
    drawn,
    includes.filter(room => rooms.includes(room as string)),
  );
});
