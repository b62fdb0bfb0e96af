import test from 'ava';
import { poolOf } from '../../lib/config/pool-resource.ts';

const spec = { cidrs: ['192.0.2.0/28'], namespaces: { names: ['dns'] } };
const read = (over: object) =>
  poolOf({ metadata: { name: 'a' }, spec: { ...spec, ...over } }, 'AnycastPool a');

test('a pool is read with its name, and is shared unless it says exclusive', t => {
  t.deepEqual(read({}), { ...spec, name: 'a', exclusive: false });
  t.true(read({ exclusive: true }).exclusive);
});

for (const [what, over, expected] of [
  ['no addresses', { cidrs: [] }, /spec\.cidrs/],
  ['host bits', { cidrs: ['192.0.2.1/28'] }, /spec\.cidrs\.0: .*beyond its length/],
  ['everything', { cidrs: ['0.0.0.0/0'] }, /spec\.cidrs\.0/],
  ['no namespaces', { namespaces: {} }, /spec\.namespaces: name or select namespaces/],
  ['an exclusive pool for two', { namespaces: { names: ['a', 'b'] }, exclusive: true }, /spec\.exclusive/],
  ['an exclusive pool by labels', { namespaces: { selector: {} }, exclusive: true }, /spec\.exclusive/],
  ['no service account at all', { serviceAccounts: [] }, /spec\.serviceAccounts/],
  [
    'In without values',
    { namespaces: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
    /matchExpressions\.0\.values/,
  ],
  ['a key nobody knows', { cidr: [] }, /cidr/],
] as const) {
  test(`${what} is refused, naming the key`, t => {
    t.throws(() => read(over), { code: 'FLOCK_POOL_INVALID', message: expected });
  });
}
