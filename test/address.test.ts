import test from 'ava';
import fc from 'fast-check';
import { addressOf, destinationOf, formatAddress, parseAddress, whyNotAnycast } from '../lib/address.ts';

for (const [spelling, canonical] of [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '192.0.2.1'],
  ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['fd00::', 'fd00::'],
] as const) {
  test(`${spelling} is ${canonical}`, t => {
    t.is(parseAddress(spelling).text, canonical);
  });
}

for (const text of [
  '',
  ' ',
  '10.1',
  '0x7f.1',
  '010.0.0.1',
  '1.2.3.4/32',
  'fe80::1%eth0',
  '1.2.3.256',
  '::g',
  'localhost',
  '1.2.3.4\n',
  "'; drop",
  '2001:db8::1::2',
  '3221225985',
] as const) {
  test(`${JSON.stringify(text)} is refused by name`, t => {
    const error = t.throws(() => parseAddress(text), {
      code: 'FLOCK_ADDRESS_INVALID',
    });
    t.true(error?.message.includes(JSON.stringify(text)));
  });
}

test('bytes and text of every address lead to each other', t => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, given => {
      const address = parseAddress(formatAddress(given));
      const mapped = given.length === 16 && address.family === 4;
      t.deepEqual(address.bytes, mapped ? given.slice(12) : given);
      t.deepEqual(addressOf(destinationOf(address)), address);
    }),
  );
});

test('what can not be routed between hosts is no anycast destination', t => {
  for (const text of [
    '0.0.0.0',
    '::',
    '127.0.0.1',
    '::1',
    '224.0.0.1',
    'ff02::1',
    '169.254.1.1',
    'fe80::1',
    '255.255.255.255',
  ]) {
    t.truthy(whyNotAnycast(parseAddress(text)), text);
  }
  for (const text of ['192.0.2.53', '10.0.0.1', '2001:db8::53', 'fd00::53']) {
    t.is(whyNotAnycast(parseAddress(text)), undefined, text);
  }
});
