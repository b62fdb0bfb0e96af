import test from 'ava';
import {
  addRequest,
  protocolOf,
  type RouteRequest,
  requestTo,
} from '../../../lib/kernel/plan/route-request.ts';
import { Operation, RouteType } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { readRoutes } from '../../../lib/kernel/socket/route-record.ts';
import { advertise, entryOf, four, hold, hops, protocols, six } from '../../support/packed.ts';

const key = { table: 254, metric: 16, protocols };

function recordOf(kind: RouteRequest['kind'], { group = 0, protocol = advertise, destination = four } = {}) {
  const entry = entryOf(destination, { programmed: { protocol, nexthops: hops(1), group } });
  const batch = new RouteBatch();
  const nexthops = kind === 'delete' || kind === 'putTombstone' ? hops() : hops(1, 2);
  addRequest(batch, { ...requestTo(kind, entry, nexthops), group }, key);
  const [record] = readRoutes(batch.bytes());
  if (record === undefined) throw new Error('no record');
  return record;
}

for (const [kind, expected] of Object.entries({
  create: { operation: Operation.create, protocol: advertise, type: RouteType.unicast, nexthops: 2 },
  replace: { operation: Operation.replace, protocol: advertise, type: RouteType.unicast, nexthops: 2 },
  hold: { operation: Operation.replace, protocol: hold, type: RouteType.unicast, nexthops: 2 },
  putTombstone: { operation: Operation.create, protocol: hold, type: RouteType.unreachable, nexthops: 0 },
  delete: { operation: Operation.delete, protocol: advertise, type: RouteType.unicast, nexthops: 0 },
})) {
  test(`a request to ${kind} is the record that the kernel takes for it`, t => {
    const { nexthops, ...record } = recordOf(kind as RouteRequest['kind']);
    t.like(record, { table: 254, metric: 16, family: 4, prefixLength: 32, nexthopGroup: 0 });
    t.like({ ...record, nexthops: nexthops.length }, expected);
  });
}

test('a request through a group names the group alone', t => {
  t.like(recordOf('replace', { group: 7 }), { nexthopGroup: 7, nexthops: [] });
});

test('a route is deleted under the protocol number that it has', t => {
  t.is(recordOf('delete', { protocol: hold }).protocol, hold);
  const batch = new RouteBatch();
  addRequest(batch, requestTo('delete', entryOf(six)), key);
  const [record] = readRoutes(batch.bytes());
  t.like(record, { protocol: hold, family: 6, prefixLength: 128 });
});

test('only what is created or replaced is announced', t => {
  const entry = entryOf(four);
  const kinds = ['create', 'replace', 'hold', 'putTombstone', 'delete'] as const;
  t.deepEqual(
    kinds.map(kind => protocolOf(requestTo(kind, entry), protocols)),
    [advertise, advertise, hold, hold, hold],
  );
});
