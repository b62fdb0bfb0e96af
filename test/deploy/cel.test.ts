/**
 * The rules of deploy/overlays/cel, by an implementation of CEL that is not the server's: each is at a place that the
 * definition has, refuses something that only it refuses, and nothing that the agent takes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { parse } from 'yaml';
import { nodeConfigSpecSchema } from '../../lib/config/node-config-resource.ts';
import { poolSpecSchema } from '../../lib/config/pool-resource.ts';
import { definitionFiles } from '../../scripts/crds/definitions.ts';
import { badSpecs, notNetworks, notPrefixes, special, special6 } from '../support/cel-specs.ts';
import { parseRule } from '../support/kubernetes-cel.ts';

interface Rule {
  /** Where it looks: keys of the spec, `*` for each item of a list. */
  at: string[];
  message: string;
  judge(self: unknown): unknown;
}

const folder = new URL('../../deploy/overlays/cel/', import.meta.url);
const root = '/spec/versions/0/schema/openAPIV3Schema/properties/spec';
const definitions = definitionFiles();

function rulesOf(file: string): Rule[] {
  const patches: { op: string; path: string; value: { rule: string; message: string }[] }[] = parse(
    readFileSync(new URL(file, folder), 'utf8'),
  );
  return patches.flatMap(({ path, value }) => {
    const keys = path.slice(root.length).split('/').slice(1, -1);
    const at = keys.flatMap((key, index) => {
      if (key === 'properties' && keys[index - 1] !== 'properties') return [];
      return key === 'items' ? ['*'] : [key];
    });
    return value.map(({ rule, message }) => ({ at, message, judge: parseRule(rule) }));
  });
}

/** The rules that a spec violates. */
function refusing(rules: readonly Rule[], spec: unknown): Rule[] {
  return rules.filter(({ at, judge }) => selvesAt(spec, at).some(self => judge(typed(self)) !== true));
}

function selvesAt(value: unknown, [key, ...rest]: string[]): unknown[] {
  if (value === undefined) return [];
  if (key === undefined) return [value];
  if (key === '*') return (value as unknown[]).flatMap(item => selvesAt(item, rest));
  return selvesAt((value as Record<string, unknown>)[key], rest);
}

/** Integers are ints, as the schema's types make them on the server. */
function typed(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value);
  if (Array.isArray(value)) return value.map(typed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, typed(each)]));
}

for (const file of ['nodeconfigs.yaml', 'anycastpools.yaml']) {
  test(`${file}: each rule is at a path that the definition has`, t => {
    for (const { path } of parse(readFileSync(new URL(file, folder), 'utf8'))) {
      let at: Record<string, unknown> | undefined = parse(definitions.get(file) ?? '');
      const keys = path.split('/').slice(1);
      t.is(keys.pop(), 'x-kubernetes-validations');
      for (const key of keys) at = at?.[key] as typeof at;
      t.is(typeof at?.type, 'string', path);
    }
  });
}

test('the overlay has no rules but those tested here', t => {
  t.deepEqual(readdirSync(folder).sort(), ['anycastpools.yaml', 'kustomization.yaml', 'nodeconfigs.yaml']);
});

const schemas = { 'nodeconfigs.yaml': nodeConfigSpecSchema, 'anycastpools.yaml': poolSpecSchema } as const;

for (const [file, schema] of Object.entries(schemas)) {
  const rules = rulesOf(file);
  for (const rule of rules) {
    const { at, message } = rule;
    test(`${file}: the rule of ${at.join('.')} "${message}" refuses what it describes, and so does the agent`, t => {
      const specs = (badSpecs[file]?.[message] ?? []).filter(spec => refusing([rule], spec).length > 0);
      t.true(specs.length > 0);
      for (const spec of specs) {
        const messages = new Set(refusing(rules, spec).map(each => each.message));
        t.deepEqual([...messages], [message], JSON.stringify(spec));
        t.false(schema.safeParse(spec).success, JSON.stringify(spec));
      }
    });
  }
  test(`${file}: every bad spec is refused`, t => {
    for (const spec of Object.values(badSpecs[file] ?? {}).flat()) {
      t.true(refusing(rules, spec).length > 0, JSON.stringify(spec));
    }
  });
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const address = fc.constantFrom(
  ...['192.0.2.1', '2001:db8::1', 'fe80::1', 'FE8::1', 'feb0:0:0::9', '10.0.0.1', '::192.0.2.1', '127.0.0.1'],
  ...['192.0.2.300', '::', 'ff02::1', '255.255.255.255'],
);
const prefix = fc.constantFrom(
  ...['192.0.2.0/28', '10.0.0.0/8', '128.0.0.0/1', '0:0::192.0.2.0/120', '2001:DB8::/32', 'fc00::/7'],
  // What only the agent reads.
  ...['192.0.2.0/028', '::ffff:192.0.2.0/24', '0:0:0:0:0:FFFF:c000:200/28'],
  ...notPrefixes.concat(notNetworks, special, special6),
);
const asn = fc.constantFrom(1, 64500, 23456, 65535, 4294967294, 4294967295);
const peer = fc.record({
  name: fc.constant('tor'),
  address,
  asn,
  interface: maybe(fc.constant('eth0')),
  multihop: maybe(fc.integer({ min: 1, max: 255 })),
  sourceAddress: maybe(address),
  passwordFile: maybe(fc.constant('/a')),
  passwordKey: maybe(fc.constant('a')),
  extendedNextHop: maybe(fc.boolean()),
  families: maybe(fc.subarray(['ipv4', 'ipv6'], { minLength: 1 })),
});
const nodeConfig = fc.record({
  bgp: fc.record({
    localAsn: maybe(asn),
    routerId: maybe(fc.constantFrom('192.0.2.11', '0.0.0.0', '::1', '1.2.3.04')),
    peers: fc.array(peer, { maxLength: 1 }),
  }),
  reserved: maybe(fc.array(prefix, { maxLength: 2 })),
  advertise: maybe(fc.record({ prefixes: fc.array(prefix, { maxLength: 1 }) })),
});
const names = fc.subarray(['a', 'b', 'c']);
const operator = fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist');
const matchExpressions = fc.array(fc.record({ key: fc.constant('a'), operator, values: maybe(names) }));
const anycastPool = fc.record({
  cidrs: fc.array(prefix, { minLength: 1, maxLength: 2 }),
  namespaces: fc.record({
    names: maybe(names),
    selector: maybe(fc.record({ matchExpressions: maybe(matchExpressions) })),
  }),
  exclusive: maybe(fc.boolean()),
});

for (const [file, specs] of [
  ['nodeconfigs.yaml', nodeConfig],
  ['anycastpools.yaml', anycastPool],
] as const) {
  test(`${file}: the server's rules and the agent's agree on any spec that the types allow`, t => {
    const rules = rulesOf(file);
    let good = 0;
    fc.assert(
      fc.property(specs as fc.Arbitrary<object>, raw => {
        const spec = JSON.parse(JSON.stringify(raw));
        const agent = schemas[file].safeParse(spec).success;
        if (agent) good++;
        return agent === (refusing(rules, spec).length === 0);
      }),
      { numRuns: 2000 },
    );
    t.true(good > 20, `${good} of them good`);
  });
}
