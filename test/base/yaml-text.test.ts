import test from 'ava';
import { deepJson } from '../../lib/base/deep-json.ts';
import { parseYamlText } from '../../lib/base/yaml-text.ts';
import { formatAllocationFile, parseAllocationFile } from '../../lib/sources/allocations/allocation.ts';

for (const [what, text] of [
  ['brackets', '['.repeat(1 << 20)],
  ['braces', '{a: '.repeat(1 << 18)],
  ['lists in lists', '- '.repeat(1 << 19)],
  ['brackets that are closed', '['.repeat(1 << 19) + ']'.repeat(1 << 19)],
] as const) {
  test(`1 MiB of ${what} is refused before the parser sees it`, t => {
    t.throws(() => parseYamlText(text), { message: 'it is nested more than 100 levels deep' });
  });
}

test('a text with many brackets that is not deep is parsed, also where they are in a scalar', t => {
  const flat = `a: [${'[1], '.repeat(1000)}]\nb: "${'['.repeat(200)}"\nc: |\n  ${'['.repeat(200)}\n${'- x\n'.repeat(0)}`;
  const value = parseYamlText(flat) as { a: unknown[]; b: string; c: string };
  t.is(value.a.length, 1000);
  t.is(value.b.length, 200);
  t.is(value.c.length, 201);
  t.is((parseYamlText('- x\n'.repeat(1000)) as unknown[]).length, 1000);
});

test('what JSON.parse has read is written again, whatever its depth', t => {
  const text = '{"a":[1,null,true,"x\\"y"],"__proto__":{"b":[]},"c":{}}';
  t.is(deepJson(JSON.parse(text)), text);
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  t.is(deepJson(JSON.parse(deep)), deep);
});

test('an allocation file with a deeply nested entry is written again with it', t => {
  const good = { namespace: 'ns', name: 'a', uid: 'u', hostInterface: 'veth0', state: 'committed' };
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const text = `{"version":1,"allocations":[${JSON.stringify(good)},{"name":${deep}}]}`;
  const file = parseAllocationFile(text, 'file');
  t.is(file.unusable.length, 1);
  const again = parseAllocationFile(formatAllocationFile(file), 'file');
  t.deepEqual(again.allocations, file.allocations);
  t.is(deepJson(again.unusable[0]?.raw), `{"name":${deep}}`);
});
