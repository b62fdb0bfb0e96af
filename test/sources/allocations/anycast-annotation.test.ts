import test from 'ava';
import { addressesAskedFor } from '../../../lib/sources/allocations/anycast-annotation.ts';

const ours = 'flock-anycast.io/addresses';
const flock = 'flock.fritzlab.net/anycast';
const ask = (annotations: Record<string, string>) => addressesAskedFor(annotations, [ours, flock]);

for (const [what, text] of [
  ['commas and spaces', '192.0.2.53, 2001:db8::53'],
  ['commas alone', '192.0.2.53,2001:db8::53'],
  ['lines', '\n192.0.2.53\n2001:db8::53\n'],
  ['stray commas', ',192.0.2.53,,2001:db8::53,'],
  ['other spellings, twice', '192.0.2.53 2001:0DB8:0::53 ::ffff:192.0.2.53'],
] as const) {
  test(`a list with ${what} is the same two addresses`, t => {
    t.deepEqual(ask({ [ours]: text }), { addresses: ['192.0.2.53', '2001:db8::53'], reasons: [] });
  });
}

test('both annotations count together, and a pod with neither asks for nothing', t => {
  t.deepEqual(ask({ [ours]: '192.0.2.53', [flock]: '192.0.2.53,192.0.2.54' })?.addresses, [
    '192.0.2.53',
    '192.0.2.54',
  ]);
  t.is(ask({ 'flock-anycast.io/drain-seconds': '3' }), undefined);
  t.deepEqual(ask({ [ours]: '' }), { addresses: [], reasons: [] });
});

for (const [bad, why] of [
  ['192.0.2.300', 'not an IP address'],
  ['192.0.2.0/24', 'not an IP address'],
  ['fe80::1%eth0', 'not an IP address'],
  ['[]', 'not an IP address'],
  ['224.0.0.5', 'a multicast address'],
  ['fe80::1', 'a link-local address'],
  ['127.0.0.1', 'a loopback address'],
  ['::', 'the unspecified address'],
] as const) {
  test(`${bad} is named as ${why}, and the others go on`, t => {
    const { addresses, reasons } = ask({ [ours]: `192.0.2.53, ${bad}, 192.0.2.54` }) ?? {};
    t.deepEqual(addresses, ['192.0.2.53', '192.0.2.54']);
    t.deepEqual(
      reasons?.map(({ value, message }) => ({ value, message })),
      [{ value: bad, message: `annotation ${ours}: "${bad}" is ${why}` }],
    );
  });
}

test('an annotation of 256 KiB is neither a flood of warnings nor of routes', t => {
  const many = Array.from({ length: 20_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(',');
  const { addresses, reasons } = ask({ [ours]: many }) ?? {};
  t.is(addresses?.length, 64);
  t.deepEqual(
    reasons?.map(({ value }) => value),
    ['10.0.0.64'],
  );
  t.is(ask({ [ours]: 'x,'.repeat(130_000) })?.reasons.length, 64);
  const [long] = ask({ [ours]: 'x'.repeat(260_000) })?.reasons ?? [];
  t.true((long?.message.length ?? 999) < 200);
});
