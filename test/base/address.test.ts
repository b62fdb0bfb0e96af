import { isIP } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  addressOf,
  destinationOf,
  formatAddress,
  parseAddress,
  whyNotAnycast,
} from '../../lib/base/address.ts';

for (const [spelling, canonical] of [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '192.0.2.1'],
  // One spelling, one meaning: these are not IPv4-mapped.
  ['::192.0.2.1', '::c000:201'],
  ['::c000:201', '::c000:201'],
  ['2001:db8::192.0.2.1', '2001:db8::c000:201'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
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
  '::ffff:010.0.0.1',
  '::ffff:1.2.3',
  '::ffff:1.2.3.256',
  ':1.2.3.4',
  '1:2:3:4:5:6:7:1.2.3.4',
  '1:2:3:4:5:6::7:8',
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

/** Bytes with runs of zeros, as real addresses have them. */
const someBytes = (length: number) =>
  fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 255 })), {
    minLength: length,
    maxLength: length,
  });
const kinds: Record<string, string | undefined> = {
  unspecified: 'the unspecified address',
  broadcast: 'the broadcast address',
  multicast: 'a multicast address',
  linkLocal: 'a link-local address',
  loopback: 'a loopback address',
};

test('every address reads, is written and is judged as ipaddr.js does it', t => {
  const edges = fc.constantFrom(
    '169.254.0.1',
    '169.255.0.1',
    '223.0.0.1',
    '240.0.0.1',
    '127.1.1.1',
    '0.0.0.9',
  );
  const edges6 = fc.constantFrom(
    'fe7f::',
    'febf::1',
    'fec0::',
    'feff::',
    '::1',
    '::',
    '::2',
    '1::',
    'ff00::',
  );
  const address = fc
    .oneof(edges, edges6, someBytes(4), someBytes(16))
    .map(given => ipaddr.process(typeof given === 'string' ? given : String(ipaddr.fromByteArray(given))));
  fc.assert(
    fc.property(address, fc.boolean(), (expected, upper) => {
      const spellings = [expected.toString(), expected.toNormalizedString()];
      if (expected instanceof ipaddr.IPv6) spellings.push(expected.toRFC5952String());
      for (const spelling of spellings) {
        const { bytes, text } = parseAddress(upper ? spelling.toUpperCase() : spelling);
        t.deepEqual([...bytes], expected.toByteArray());
        t.is(text, expected instanceof ipaddr.IPv6 ? expected.toRFC5952String() : expected.toString());
      }
      t.is(whyNotAnycast(parseAddress(expected.toString())), kinds[expected.range()]);
    }),
    { numRuns: 2000 },
  );
});

// Node asks inet_pton(3), which refuses what some read as octal.
test('what looks like an address is one exactly when inet_pton says so', t => {
  const like = fc
    .array(fc.constantFrom(':', '::', '.', '0', '1', 'f', 'db8', '255', '256', 'ffff', '10000', 'g'), {
      maxLength: 16,
    })
    .map(parts => parts.join(''));
  fc.assert(
    fc.property(like, text => {
      if (isIP(text) === 0) t.throws(() => parseAddress(text), { code: 'FLOCK_ADDRESS_INVALID' });
      else if (text.includes(':') && text.includes('.')) t.notThrows(() => parseAddress(text));
      else t.deepEqual([...parseAddress(text).bytes], ipaddr.process(text).toByteArray());
    }),
    { numRuns: 20_000 },
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
