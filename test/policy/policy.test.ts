import test from 'ava';
import fc from 'fast-check';
import { formatAddress, parseAddress, whyNotAnycast } from '../../lib/base/address.ts';
import type { LabelExpression } from '../../lib/policy/label-selector.ts';
import { AddressPolicy, type AddressPool, type Claimant, type PolicyInput } from '../../lib/policy/policy.ts';

const pool = (over: Partial<AddressPool> = {}): AddressPool => ({
  name: 'dns',
  cidrs: ['192.0.2.0/24', '2001:db8:53::/64'],
  namespaces: { names: ['dns'] },
  exclusive: false,
  ...over,
});
const policy = (over: Partial<PolicyInput> = {}) =>
  new AddressPolicy({
    pools: [pool()],
    reserved: ['10.0.0.0/8', 'fd00::/8'],
    node: new Set(['192.0.2.1', '2001:db8:53::1']),
    peers: new Set(['192.0.2.2']),
    apiServer: new Set(['192.0.2.3']),
    gateways: new Set(['192.0.2.4', '2001:db8:53::4']),
    ...over,
  });
const dns: Claimant = { namespace: 'dns', namespaceLabels: {}, serviceAccount: 'default' };
const reason = (address: string, claimant = dns, over: Partial<PolicyInput> = {}) =>
  policy(over).refusalOf(claimant, address)?.reason;

test('an address of a pool that lets the namespace in is allowed, in every spelling', t => {
  for (const address of ['192.0.2.53', '2001:db8:53::53', '2001:DB8:53:0:0:0:0:53', '::ffff:192.0.2.53']) {
    t.is(reason(address), undefined, address);
  }
});

test('a refusal names the address, the reason and what to do', t => {
  t.deepEqual(policy().refusalOf({ ...dns, namespace: 'evil' }, '192.0.2.53'), {
    reason: 'NotInPool',
    address: '192.0.2.53',
    message:
      '192.0.2.53 is not granted to namespace evil, service account default: AnycastPool dns does not admit it',
    remedy: 'choose an address of a pool that admits this namespace and service account',
  });
});

test('no pool is honoured before somebody has said what is reserved; an empty list says it', t => {
  t.is(reason('192.0.2.53', dns, { reserved: undefined }), 'ReservedNotSet');
  t.is(reason('192.0.2.53', dns, { reserved: [] }), undefined);
});

// A pod's author writes any address, in any spelling, and any service account of the namespace; no pool, no
// label of a namespace, and nothing of another namespace. The pool here is as careless as a pool can be.
const careless = pool({ name: 'all', cidrs: ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'] });
for (const [address, expected] of [
  ['192.0.2.1', 'NodeAddress'],
  ['::ffff:192.0.2.1', 'NodeAddress'],
  ['::ffff:c000:201', 'NodeAddress'],
  ['2001:db8:53:0::1', 'NodeAddress'],
  ['2001:0DB8:0053::0.0.0.1', 'NodeAddress'],
  ['192.0.2.2', 'PeerAddress'],
  ['192.0.2.3', 'ApiServerAddress'],
  ['192.0.2.4', 'GatewayAddress'],
  ['::ffff:c000:204', 'GatewayAddress'],
  ['2001:db8:53:0::4', 'GatewayAddress'],
  ['10.96.0.1', 'Reserved'],
  ['::ffff:10.96.0.1', 'Reserved'],
  ['fd12:3456::1', 'Reserved'],
  ['127.0.0.1', 'SpecialPurpose'],
  ['::1', 'SpecialPurpose'],
  ['169.254.169.254', 'SpecialPurpose'],
  ['fe80::1', 'SpecialPurpose'],
  ['224.0.0.1', 'SpecialPurpose'],
  ['ff02::1', 'SpecialPurpose'],
  ['255.255.255.255', 'SpecialPurpose'],
  ['0.0.0.0', 'SpecialPurpose'],
  ['::', 'SpecialPurpose'],
  ['192.0.2.0/24', 'NotAnAddress'],
  ['192.0.2.53/32', 'NotAnAddress'],
  ['0.0.0.0/0', 'NotAnAddress'],
  ['192.0.2.053', 'NotAnAddress'],
  ['0xc0.0.2.53', 'NotAnAddress'],
  ['192.0.2', 'NotAnAddress'],
  ['fe80::1%eth0', 'NotAnAddress'],
  ['192.0.2.53 192.0.2.1', 'NotAnAddress'],
  ['default', 'NotAnAddress'],
  ['', 'NotAnAddress'],
] as const) {
  test(`an attacker with rights on pods alone does not get ${JSON.stringify(address)}`, t => {
    t.is(reason(address, dns, { pools: [careless] }), expected);
  });
}

test('an attacker does not get an address of no pool, nor of a pool of others', t => {
  t.is(reason('198.51.100.1'), 'OutsidePools');
  t.is(reason('192.0.2.53', { ...dns, namespace: 'evil' }), 'NotInPool');
  t.is(reason('192.0.2.53', { ...dns, namespace: 'dns2' }), 'NotInPool');
});

test('a selector lets in namespaces by their labels, which a pod can not have', t => {
  const pools = [pool({ namespaces: { selector: { matchLabels: { team: 'dns' } } } })];
  t.is(reason('192.0.2.53', { ...dns, namespaceLabels: { team: 'dns' } }, { pools }), undefined);
  t.is(reason('192.0.2.53', { ...dns, namespaceLabels: { team: 'web' } }, { pools }), 'NotInPool');
  t.is(reason('192.0.2.53', dns, { pools }), 'NotInPool');
});

test('a namespace that nobody has told of is selected by nothing, not even by what it lacks', t => {
  for (const selector of [{}, { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' as const }] }]) {
    const pools = [pool({ namespaces: { selector } })];
    t.is(reason('192.0.2.53', { ...dns, namespaceLabels: undefined }, { pools }), 'NotInPool');
    t.is(reason('192.0.2.53', dns, { pools }), undefined);
  }
});

test('the four operators of a selector, on labels named like inherited ones too', t => {
  const expressions: (Omit<LabelExpression, 'key'> & { selects: (string | undefined)[] })[] = [
    { operator: 'In', values: ['a'], selects: ['a'] },
    { operator: 'NotIn', values: ['a'], selects: ['b', undefined] },
    { operator: 'Exists', selects: ['a', 'b'] },
    { operator: 'DoesNotExist', selects: [undefined] },
  ];
  for (const key of ['team', 'constructor']) {
    for (const { selects, ...expression } of expressions) {
      const pools = [pool({ namespaces: { selector: { matchExpressions: [{ key, ...expression }] } } })];
      for (const value of ['a', 'b', undefined]) {
        const namespaceLabels: Record<string, string> = value === undefined ? {} : { [key]: value };
        const isIn = reason('192.0.2.53', { ...dns, namespaceLabels }, { pools }) === undefined;
        t.is(isIn, selects.includes(value), `${key} ${expression.operator} ${value}`);
      }
    }
  }
});

test('service accounts narrow a pool', t => {
  const pools = [pool({ serviceAccounts: ['coredns'] })];
  t.is(reason('192.0.2.53', { ...dns, serviceAccount: 'coredns' }, { pools }), undefined);
  t.is(reason('192.0.2.53', dns, { pools }), 'NotInPool');
  t.is(
    reason('192.0.2.53', { ...dns, namespace: 'evil', serviceAccount: 'coredns' }, { pools }),
    'NotInPool',
  );
});

test('of several pools one that lets in is enough, unless one is exclusive', t => {
  const wide = pool({ name: 'wide', namespaces: { names: ['web'] } });
  const narrow = pool({ name: 'narrow', cidrs: ['192.0.2.53/32'], exclusive: true });
  const web = { ...dns, namespace: 'web' };
  t.is(reason('192.0.2.53', web, { pools: [wide, pool()] }), undefined);
  t.is(reason('192.0.2.53', web, { pools: [wide, narrow] }), 'NotInPool');
  t.is(reason('192.0.2.54', web, { pools: [wide, narrow] }), undefined);
  t.is(reason('192.0.2.53', dns, { pools: [wide, narrow] }), undefined);
});

test('two exclusive pools with one address give it to nobody', t => {
  const other = pool({ name: 'other', namespaces: { names: ['web'] }, exclusive: true });
  t.is(reason('192.0.2.53', dns, { pools: [pool({ exclusive: true }), other] }), 'ExclusiveTwice');
});

const anyAddress = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(bytes => formatAddress(bytes));

const anyPrefix = fc
  .tuple(
    fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    fc.nat(),
  )
  .map(([bytes, number]) => {
    const bits = bytes.length * 8;
    const length = 1 + (number % bits);
    const network = bytes.map(
      (byte, index) => byte & (0xff00 >> Math.min(Math.max(length - index * 8, 0), 8)),
    );
    return { network, length, bits };
  })
  // An IPv4-mapped IPv6 prefix has no text of its own.
  .filter(({ network }) => network.length === 4 || parseAddress(formatAddress(network)).family === 6);

const asNumber = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

test('whatever is asked: allowed means in a pool, in nothing reserved, of nobody, and plain unicast', t => {
  const claim = fc.record({
    address: anyAddress,
    prefixes: fc.array(anyPrefix),
    reserved: fc.array(anyPrefix),
  });
  const property = fc.property(claim, fc.array(anyAddress), ({ address, prefixes, reserved }, taken) => {
    const text = ({ network, length }: { network: Uint8Array; length: number }) =>
      `${formatAddress(network)}/${length}`;
    const asked = parseAddress(address);
    // Containment once more, by arithmetic.
    const isIn = ({ network, length, bits }: { network: Uint8Array; length: number; bits: number }) =>
      network.length === asked.bytes.length &&
      asNumber(network) >> BigInt(bits - length) === asNumber(asked.bytes) >> BigInt(bits - length);
    const refusal = policy({
      pools: [pool({ cidrs: prefixes.map(text) })],
      reserved: reserved.map(text),
      node: new Set(taken),
    }).refusalOf(dns, address);
    const allowed =
      prefixes.some(isIn) &&
      !reserved.some(isIn) &&
      !taken.includes(asked.text) &&
      !['192.0.2.2', '192.0.2.3'].includes(asked.text) &&
      whyNotAnycast(asked) === undefined;
    return (refusal === undefined) === allowed;
  });
  fc.assert(property, { numRuns: 2000 });
  t.pass();
});

test('a pool more never takes an address from others, unless it is exclusive', t => {
  const anyPool = fc.record({
    cidr: anyPrefix,
    namespaces: fc.subarray(['dns', 'web']),
    accounts: fc.option(fc.subarray(['default', 'x']), { nil: undefined }),
  });
  const property = fc.property(fc.array(anyPool), anyPool, anyAddress, (some, more, address) => {
    const pools = [...some, more].map(({ cidr, namespaces, accounts }, index) =>
      pool({
        name: `${index}`,
        cidrs: [`${formatAddress(cidr.network)}/${cidr.length}`],
        namespaces: { names: namespaces },
        serviceAccounts: accounts,
      }),
    );
    const before = reason(address, dns, { pools: pools.slice(0, -1) });
    return before !== undefined || reason(address, dns, { pools }) === undefined;
  });
  fc.assert(property, { numRuns: 1000 });
  t.pass();
});

test('without pools the source of the allocations decides, and what can never be anycast is refused on', t => {
  const withoutPools = { pools: undefined, reserved: undefined };
  t.is(reason('198.51.100.1', dns, withoutPools), undefined);
  for (const [address, expected] of [
    ['192.0.2.1', 'NodeAddress'],
    ['192.0.2.2', 'PeerAddress'],
    ['192.0.2.3', 'ApiServerAddress'],
    ['192.0.2.4', 'GatewayAddress'],
    ['169.254.169.254', 'SpecialPurpose'],
  ] as const)
    t.is(reason(address, dns, withoutPools), expected);
});

test('the unicast address of another pod is refused, and names that pod', t => {
  const refusal = policy().refusalOf(dns, '192.0.2.53', address =>
    address === '192.0.2.53' ? 'web/front' : undefined,
  );
  t.like(refusal, {
    reason: 'PodAddress',
    message: '192.0.2.53 is the address of pod web/front and can not be anycast',
  });
});
