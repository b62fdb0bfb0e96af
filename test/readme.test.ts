/** What the README tells people to copy is what the program takes. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { parseAgentConfig } from '../lib/config.ts';
import { parseAllocationFile } from '../lib/sources/allocation.ts';
import { parseNodeConfig } from '../lib/sources/node-config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The first fenced block of a language that contains `mark`. */
function example(language: string, mark: string): string {
  for (const [, block = ''] of readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))) {
    if (block.includes(mark)) return block;
  }
  throw new Error(`the README has no ${language} with ${mark}`);
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

test('every script that the README names is there', t => {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  for (const [, name = ''] of readme.matchAll(/npm run ([a-z0-9:]+)/g)) t.truthy(scripts[name], name);
});
