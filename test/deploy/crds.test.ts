import { readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { definitionFiles } from '../../scripts/crds/definitions.ts';
import { type Schema, structural } from '../../scripts/crds/structural.ts';

for (const [name, text] of definitionFiles()) {
  test(`deploy/base/crds/${name} is generated from the schemas (node scripts/crds/main.ts)`, t => {
    t.is(readFileSync(new URL(`../../deploy/base/crds/${name}`, import.meta.url), 'utf8'), text);
  });
}

test('they have no defaults, no look-ahead, and no additionalProperties except a schema', t => {
  const text = [...definitionFiles().values()].join();
  t.notRegex(text, /\bdefault:|pattern:.*\(\?|additionalProperties: (false|true)/);
});

test('every text and list of a spec is bounded: servers compute the cost of CEL rules from the bounds', t => {
  const unbounded: string[] = [];
  const look = (schema: Schema, path: string) => {
    const { type, enum: values, maxLength, maxItems } = schema;
    if (type === 'string' && values === undefined && maxLength === undefined) unbounded.push(path);
    if (type === 'array' && maxItems === undefined) unbounded.push(path);
    for (const [key, child] of Object.entries(schema.properties ?? {})) look(child, `${path}.${key}`);
    if (schema.items !== undefined) look(schema.items, `${path}[]`);
  };
  for (const [name, text] of definitionFiles()) {
    look(parse(text).spec.versions[0].schema.openAPIV3Schema.properties.spec, name);
  }
  t.deepEqual(unbounded, []);
});

test('an integer beyond 32 bits has format int64, and others have none', t => {
  const schema: Schema = {
    type: 'object',
    properties: {
      asn: { type: 'integer', maximum: 4294967295, default: 1 },
      port: { type: 'integer', maximum: 65535 },
    },
    required: ['asn'],
    additionalProperties: false,
  };
  t.deepEqual(structural(schema), {
    type: 'object',
    required: ['asn'],
    properties: {
      asn: { type: 'integer', maximum: 4294967295, format: 'int64' },
      port: { type: 'integer', maximum: 65535 },
    },
  });
});
