import test from 'ava';
import { describeErrno, errnoName } from '../../../lib/kernel/socket/errno.ts';
import { Operation, RouteType } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { type RouteRecord, readRoutes } from '../../../lib/kernel/socket/route-record.ts';
import {
  destinationOfView,
  packCopy,
  packDeletion,
  packRetagging,
  viewRoutes,
} from '../../../lib/kernel/socket/route-view.ts';

const four: RouteRecord = {
  operation: Operation.none,
  family: 4,
  destination: Uint8Array.of(192, 0, 2, 1),
  prefixLength: 32,
  protocol: 70,
  table: 254,
  metric: 16,
  nexthopGroup: 7,
  nexthops: [{ interfaceIndex: 1, gateway: Uint8Array.of(10, 1, 1, 2), weight: 1, flags: 0 }],
};
const six: RouteRecord = {
  ...four,
  family: 6,
  destination: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  prefixLength: 128,
  nexthops: [],
};

function viewsOf(...records: RouteRecord[]) {
  const batch = new RouteBatch();
  for (const record of records) batch.add(record);
  return [...viewRoutes(batch.bytes().slice())];
}

const readBack = (bytes: Uint8Array) => [...readRoutes(bytes)][0];

test('records are read where they lie', t => {
  const [one, two] = viewsOf(four, six);
  t.like(one, {
    family: 4,
    operation: 0,
    protocol: 70,
    metric: 16,
    prefixLength: 32,
    group: 7,
    isOurKind: true,
  });
  t.deepEqual(
    [one, two].map(each => each && destinationOfView(each)),
    ['192.0.2.1/32', '2001:db8::1/128'],
  );
  t.is(one?.nexthops.length, 24);
  t.is(two?.nexthops.length, 0);
});

test('a host prefix of plain nexthops is of our kind, and nothing else is', t => {
  const views = viewsOf(
    six,
    { ...four, prefixLength: 24 },
    { ...six, prefixLength: 32 },
    { ...four, type: RouteType.unreachable },
  );
  t.deepEqual(
    views.map(({ isOurKind }) => isOurKind),
    [true, false, false, false],
  );
});

test('a copy leads the same way from another place, through the group only where the nexthops are not named', t => {
  const target = { operation: Operation.create, table: 100, metric: 5, protocol: 80 };
  const [named, groupAlone] = viewsOf(four, six);
  if (named === undefined || groupAlone === undefined) return t.fail();
  t.like(readBack(packCopy(named, target)), { ...target, nexthopGroup: 0, nexthops: four.nexthops });
  t.like(readBack(packCopy(groupAlone, target)), { ...target, nexthopGroup: 7, nexthops: [] });
  t.is(named.operation, Operation.none, 'what it was copied from is as it was');
});

test('a deletion names table, prefix, metric and protocol, and no nexthops', t => {
  const [view] = viewsOf(four);
  if (view === undefined) return t.fail();
  t.like(readBack(packDeletion(view)), { ...four, operation: Operation.delete, nexthops: [] });
});

test('a route gets another tag by being replaced by itself', t => {
  const [view] = viewsOf(four);
  if (view === undefined) return t.fail();
  t.like(readBack(packRetagging(view, 71)), { ...four, operation: Operation.replace, protocol: 71 });
});

test("an errno has its name and meaning, or the kernel's own words, and an unknown one its number", t => {
  t.is(errnoName(101), 'ENETUNREACH');
  t.is(describeErrno(101), 'network is unreachable (ENETUNREACH)');
  t.is(describeErrno(101, 'Nexthop has invalid gateway'), 'Nexthop has invalid gateway (ENETUNREACH)');
  t.is(errnoName(4000), 'errno 4000');
  t.is(describeErrno(4000), 'unknown error (errno 4000)');
});
