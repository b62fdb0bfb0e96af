import test from 'ava';
import fc from 'fast-check';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import {
  headerLength,
  leadsSameWay,
  type NexthopRecord,
  nexthopLength,
  nexthopOffsets,
  Operation,
  offsets,
  type RouteRecord,
  readRoutes,
  recordLength,
} from '../../../lib/kernel/socket/route-record.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const address = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const nexthop: fc.Arbitrary<NexthopRecord> = fc.record({
  interfaceIndex: fc.oneof(fc.integer({ min: 1, max: 3 }), u32),
  gateway: fc.oneof(fc.constant(undefined), address(4), address(16)),
  weight: fc.integer({ min: 1, max: 256 }),
  flags: u8,
});

const record: fc.Arbitrary<RouteRecord> = fc.constantFrom(4 as const, 6 as const).chain(family =>
  fc.record({
    operation: fc.constantFrom(...Object.values(Operation)),
    family: fc.constant(family),
    destination: address(family === 4 ? 4 : 16),
    prefixLength: fc.integer({ min: 0, max: family === 4 ? 32 : 128 }),
    protocol: u8,
    table: u32,
    metric: u32,
    type: u8,
    scope: u8,
    flags: u16,
    nexthopGroup: u32,
    nexthops: fc.array(nexthop, { maxLength: 9 }),
  }),
);

/** The order of the format's description, said another way than the code says it. */
function canonical(nexthops: readonly NexthopRecord[]): NexthopRecord[] {
  const hex = (number: number) => number.toString(16).padStart(8, '0');
  const key = ({ interfaceIndex, gateway, weight = 1 }: NexthopRecord) =>
    hex(interfaceIndex) +
    hex(gateway === undefined ? 0 : gateway.length) +
    Buffer.from(gateway ?? [])
      .toString('hex')
      .padEnd(32, '0') +
    hex(weight);
  return [...nexthops].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

const pack = (...records: RouteRecord[]) => {
  const batch = new RouteBatch(0);
  for (const one of records) batch.add(one);
  return batch.bytes();
};

test('what is packed is read back, nexthops in canonical order', t => {
  const roundTrip = (records: RouteRecord[]) => {
    const expected = records.map(one => ({ ...one, nexthops: canonical(one.nexthops) }));
    // Flags are not part of the order: nexthops that differ in nothing else may stand either way.
    const comparable = ({ nexthops, ...rest }: RouteRecord) =>
      JSON.stringify([rest, nexthops.map(({ flags, ...hop }) => hop), nexthops.map(hop => hop.flags).sort()]);
    const bytes = pack(...records);
    return (
      bytes.length === records.reduce((sum, { nexthops }) => sum + 40 + 24 * nexthops.length, 0) &&
      JSON.stringify([...readRoutes(bytes)].map(comparable)) === JSON.stringify(expected.map(comparable))
    );
  };
  fc.assert(fc.property(fc.array(record, { maxLength: 20 }), roundTrip));
  t.pass();
});

test('equal sets of nexthops are equal bytes, in whatever order they come', t => {
  const sameBytes = (one: RouteRecord, seed: number) => {
    const nexthops = one.nexthops.map(hop => ({ ...hop, flags: 0 }));
    const shuffled = [...nexthops].sort(
      (a, b) => ((a.interfaceIndex * seed) % 7) - ((b.interfaceIndex * seed) % 7),
    );
    const left = pack({ ...one, nexthops });
    const right = pack({ ...one, nexthops: shuffled.reverse() });
    return Buffer.compare(left, right) === 0 && leadsSameWay(left, 0, right, 0);
  };
  fc.assert(fc.property(record, fc.integer({ min: 1, max: 100 }), sameBytes));
  t.pass();
});

test('what only the kernel says, or what names the route, does not change where a route leads', t => {
  const hop = { interfaceIndex: 3, gateway: Uint8Array.of(10, 0, 0, 2), weight: 5, flags: 0 };
  const one: RouteRecord = {
    operation: Operation.none,
    family: 4,
    destination: Uint8Array.of(192, 0, 2, 1),
    prefixLength: 32,
    protocol: 70,
    table: 254,
    metric: 16,
    nexthops: [hop, { ...hop, interfaceIndex: 4 }],
  };
  const leads = (other: Partial<RouteRecord>) => leadsSameWay(pack(one), 0, pack({ ...one, ...other }), 0);
  const [first, second] = one.nexthops as [NexthopRecord, NexthopRecord];
  t.true(leads({ flags: 0x4000, operation: Operation.replace, protocol: 71, metric: 17 }));
  t.true(leads({ nexthops: [{ ...first, flags: 1 | 16 }, second] }));
  t.false(leads({ nexthops: [{ ...first, flags: 4 }, second] }));
  t.false(leads({ nexthops: [{ ...first, weight: 6 }, second] }));
  t.false(leads({ nexthops: [{ ...first, gateway: Uint8Array.of(10, 0, 0, 3) }, second] }));
  t.false(leads({ nexthops: [first] }));
  t.false(leads({ type: 7 }));
  t.false(leads({ nexthopGroup: 20 }));
});

test('the layout is the documented one', t => {
  const bytes = pack({
    operation: Operation.create,
    family: 6,
    destination: Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index),
    prefixLength: 128,
    protocol: 70,
    type: 1,
    scope: 253,
    table: 0x01020304,
    metric: 0x05060708,
    flags: 0x4000,
    nexthopGroup: 0x090a0b0c,
    nexthops: [{ interfaceIndex: 0x0d0e0f10, gateway: Uint8Array.of(10, 0, 0, 2), weight: 256, flags: 4 }],
  });
  t.is(
    Buffer.from(bytes).toString('hex'),
    '4000020a804601fd0403020108070605a0a1a2a3a4a5a6a7a8a9aaabacadaeaf010000400c0b0a09' +
      '100f0e0d000102040a000002000000000000000000000000',
  );
  t.is(recordLength(bytes, 0), headerLength + nexthopLength);
  t.is(bytes[offsets.protocol], 70);
  t.is(bytes[offsets.nexthops + nexthopOffsets.gateway], 10);
});

test('a cleared batch holds nothing of what it held, though its memory is used again', t => {
  const one = {
    operation: Operation.create,
    family: 6 as const,
    destination: new Uint8Array(16).fill(0xff),
    prefixLength: 128,
    protocol: 70,
    table: 254,
    metric: 16,
    nexthops: [{ interfaceIndex: 1, gateway: new Uint8Array(16).fill(0xff), flags: 4 }],
  };
  const other = {
    ...one,
    family: 4 as const,
    destination: Uint8Array.of(192, 0, 2, 1),
    prefixLength: 32,
    nexthops: [{ interfaceIndex: 2 }],
  };
  const used = new RouteBatch();
  used.add(one);
  t.is(used.length, 1);
  used.clear();
  t.is(used.length, 0);
  used.add(other);
  t.deepEqual(used.bytes(), pack(other));
});

test('what does not fit the format is refused, and the batch stays as it was', t => {
  const good: RouteRecord = {
    operation: Operation.create,
    family: 4,
    destination: Uint8Array.of(192, 0, 2, 1),
    prefixLength: 32,
    protocol: 70,
    table: 254,
    metric: 16,
    nexthops: [{ interfaceIndex: 1 }],
  };
  const batch = new RouteBatch();
  batch.add(good);
  const bad: Partial<RouteRecord>[] = [
    { destination: new Uint8Array(16) },
    { prefixLength: 33 },
    { nexthops: [{ interfaceIndex: 1, weight: 0 }] },
    { nexthops: [{ interfaceIndex: 1 }, { interfaceIndex: 1, weight: 257 }] },
    { nexthops: [{ interfaceIndex: 1, gateway: new Uint8Array(5) }] },
    {
      family: 6,
      destination: new Uint8Array(16).fill(0xff),
      nexthops: [
        { interfaceIndex: 1, gateway: new Uint8Array(16).fill(0xff) },
        { interfaceIndex: 2, weight: 0 },
      ],
    },
    { nexthops: Array.from({ length: 2049 }, () => ({ interfaceIndex: 1 })) },
  ];
  for (const change of bad) {
    t.throws(() => batch.add({ ...good, ...change }), { code: 'FLOCK_RECORD_INVALID' });
  }
  t.is(batch.length, 1);
  t.deepEqual(batch.bytes(), pack(good));
  batch.add(good);
  t.deepEqual(batch.bytes(), pack(good, good), 'nothing of what was refused is left behind it');
});

test('half a record is not read', t => {
  const batch = pack(
    ...[1, 2].map(host => ({
      operation: Operation.none,
      family: 4 as const,
      destination: Uint8Array.of(192, 0, 2, host),
      prefixLength: 32,
      protocol: 70,
      table: 254,
      metric: 16,
      nexthops: [{ interfaceIndex: 1 }],
    })),
  );
  for (const end of [1, 39, 41, 63, 65, 127]) {
    t.throws(() => [...readRoutes(batch.subarray(0, end))], { code: 'FLOCK_RECORD_INVALID' }, String(end));
  }
});
