import test from 'ava';
import fc from 'fast-check';
import { destinationOf, formatAddress, parseAddress } from '../../../lib/base/address.ts';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { AF_INET, offsets, recordLength } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { Operation, RouteType } from '../../../lib/kernel/socket/route-record.ts';
import { RouteIndex } from '../../../lib/kernel/state/route-index.ts';
import { type Adoption, RouteReading } from '../../../lib/kernel/state/route-reading.ts';

const metric = 16;
const key = { metric, cohorts: new Cohorts(undefined, 70) };
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Few different destinations, so that they meet again. */
const destination = fc
  .oneof(
    bytesOf(4),
    bytesOf(16).filter(bytes => parseAddress(formatAddress(bytes)).family === 6),
  )
  .map(bytes => bytes.map((byte, at) => (at === 3 ? byte & 3 : at === 0 ? 32 : 0)));
const route = fc.record({
  destination,
  protocol: fc.constantFrom(70, 71),
  interfaces: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  metric: fc.constantFrom(metric, metric, metric, 17),
  flags: fc.constantFrom(0, 1, 16),
});
type Route = typeof route extends fc.Arbitrary<infer Value> ? Value : never;
const table = fc.uniqueArray(route, {
  maxLength: 8,
  selector: ({ destination, metric }) => `${destination}/${metric}`,
});

const textOf = (bytes: Uint8Array) => destinationOf(parseAddress(formatAddress(bytes)));

function dumpOf(routes: readonly Route[], withFlags: boolean): Uint8Array {
  const batch = new RouteBatch();
  for (const { destination, protocol, interfaces, metric, flags } of routes) {
    batch.add({
      operation: Operation.none,
      family: destination.length === 4 ? 4 : 6,
      destination,
      prefixLength: destination.length * 8,
      protocol,
      table: 254,
      metric,
      type: RouteType.unicast,
      nexthops: interfaces.map(interfaceIndex => ({
        interfaceIndex,
        gateway: destination.map(() => 9),
        flags: withFlags ? flags : 0,
      })),
    });
  }
  return batch.bytes();
}

/** Routes of both families in one dump, read as the kernel gives them: family by family. */
function adoptionOf(dump: Uint8Array, index: RouteIndex): Adoption {
  const reading = new RouteReading(index, key);
  const records = { 4: [] as Uint8Array[], 6: [] as Uint8Array[] };
  for (let start = 0; start < dump.length; start += recordLength(dump, start)) {
    const record = dump.subarray(start, start + recordLength(dump, start));
    records[record[offsets.family] === AF_INET ? 4 : 6].push(record);
  }
  for (const family of [4, 6] as const) reading.take(family, Buffer.concat(records[family]), true);
  return reading.finish();
}

test('a reading finds exactly what is otherwise than we believed; what only the kernel reports is no difference', t => {
  fc.assert(
    fc.property(table, table, (before, after) => {
      const index = new RouteIndex();
      const believe = (routes: readonly Route[], withFlags: boolean) => {
        const adoption = adoptionOf(dumpOf(routes, withFlags), index);
        for (const { entry, programmed } of adoption.found) index.record(entry, programmed);
        for (const { entry } of adoption.absent) index.record(entry, undefined);
        return adoption;
      };
      believe(before, false);
      const again = believe(before, true);
      t.deepEqual([again.found, again.absent], [[], []]);

      const ours = (routes: readonly Route[]) =>
        new Map(
          routes
            .filter(each => each.metric === metric)
            .map(each => [textOf(each.destination), `${each.protocol} ${[...each.interfaces].sort()}`]),
        );
      const [old, now] = [ours(before), ours(after)];
      const { found, absent, strays } = believe(after, true);
      t.deepEqual(
        found.map(({ entry }) => entry.destination).sort(),
        [...now.keys()].filter(each => old.get(each) !== now.get(each)).sort(),
      );
      t.deepEqual(
        absent.map(({ entry }) => entry.destination).sort(),
        [...old.keys()].filter(each => !now.has(each)).sort(),
      );
      t.is(strays.length, after.filter(each => each.metric !== metric).length);
    }),
    { numRuns: 500 },
  );
});

test('routes of the same nexthops are adopted with the same bytes', t => {
  const routeTo = (last: number, interfaces: number[]): Route => ({
    destination: Uint8Array.of(192, 0, 2, last),
    protocol: 70,
    interfaces,
    metric,
    flags: 0,
  });
  const dump = dumpOf([routeTo(1, [1, 2]), routeTo(2, [3]), routeTo(3, [1, 2])], false);
  const { found } = adoptionOf(dump, new RouteIndex());
  const [first, second, third] = found.map(({ programmed }) => programmed.nexthops);
  t.is(first, third);
  t.notDeepEqual(first, second);
});

test('a reading that is restarted forgets what came before it in the same family, and nothing of the other', t => {
  const index = new RouteIndex();
  const routeTo = (destination: Route['destination']): Route => ({
    destination,
    protocol: 70,
    interfaces: [1],
    metric,
    flags: 0,
  });
  const four = (last: number) => dumpOf([routeTo(Uint8Array.of(192, 0, 2, last))], false);
  const six = dumpOf([routeTo(Uint8Array.from(parseAddress('2001:db8::1').bytes))], false);
  const reading = new RouteReading(index, key);
  reading.take(6, six, true);
  reading.take(4, four(1), true);
  reading.take(4, four(9), false);
  reading.take(4, four(2), true);
  reading.take(4, four(3), false);
  const { found, absent } = reading.finish();
  t.deepEqual(found.map(({ entry }) => entry.destination).sort(), [
    '192.0.2.2/32',
    '192.0.2.3/32',
    '2001:db8::1/128',
  ]);
  t.deepEqual(absent, []);
  t.is(index.get('192.0.2.1/32'), undefined, 'nobody asked for it, and it is not there');
});

test('an entry that is forgotten is found no more, and one that shares its hash still is', t => {
  const index = new RouteIndex();
  const [one, two] = ['192.0.2.1/32', '2001:db8::1/128'].map(each => index.ensure(each));
  const found = (entry = one) => entry && index.find(entry.bytes, 0, entry.bytes.length);
  t.is(found(one), one);
  if (one !== undefined) index.forget(one);
  t.is(found(one), undefined);
  t.is(found(two), two);
});

test('a reading of 20,000 routes that are all right makes no object for each', t => {
  const index = new RouteIndex();
  const routes: Route[] = Array.from({ length: 20_000 }, (_, at) => ({
    destination: Uint8Array.of(192, 0, at >> 8, at & 255),
    protocol: 70,
    interfaces: [1, 2],
    metric,
    flags: 0,
  }));
  const dump = dumpOf(routes, false);
  for (const { entry, programmed } of adoptionOf(dump, index).found) index.record(entry, programmed);
  const read = () => {
    const reading = new RouteReading(index, key);
    reading.take(4, dump, true);
    return reading.finish();
  };
  // Compiled first, for the interpreter boxes what the compiler does not.
  for (let warm = 0; warm < 20; warm++) read();
  const before = process.memoryUsage().heapUsed;
  for (let reading = 0; reading < 10; reading++) read();
  const perRoute = (process.memoryUsage().heapUsed - before) / (10 * routes.length);
  t.log(`${perRoute.toFixed(2)} bytes a route`);
  t.true(perRoute < 8, `${perRoute} bytes a route`);
});
