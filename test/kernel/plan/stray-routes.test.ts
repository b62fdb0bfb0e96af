import test from 'ava';
import { StrayRoutes } from '../../../lib/kernel/plan/stray-routes.ts';
import { Operation } from '../../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../../lib/kernel/socket/route-batch.ts';
import { readRoutes } from '../../../lib/kernel/socket/route-record.ts';
import { viewRoutes } from '../../../lib/kernel/socket/route-view.ts';
import { advertise, hold } from '../../support/packed.ts';

const settleMs = 50;

/** A route of ours of a metric that we do not use. */
function strayOf(protocol: number) {
  const batch = new RouteBatch();
  batch.add({
    operation: Operation.none,
    family: 4,
    destination: Uint8Array.of(192, 0, 2, 9),
    prefixLength: 32,
    protocol,
    table: 254,
    metric: 99,
    nexthops: [{ interfaceIndex: 1, gateway: Uint8Array.of(10, 1, 1, 2) }],
  });
  return [...viewRoutes(batch.bytes())];
}

function sweep(subject: StrayRoutes, now: number) {
  const batch = new RouteBatch();
  const reads = subject.sweep(batch, now);
  const requests = [...readRoutes(batch.bytes())].map(({ operation, protocol, metric, nexthops }) => ({
    operation,
    protocol,
    metric,
    nexthops: nexthops.length,
  }));
  return { reads, requests };
}

test('a stray that is announced is withdrawn first, and read again when that has settled', t => {
  const subject = new StrayRoutes(hold, settleMs);
  subject.setStrays(strayOf(advertise));
  t.true(subject.busy);
  t.deepEqual(sweep(subject, 1000), {
    reads: false,
    requests: [{ operation: Operation.replace, protocol: hold, metric: 99, nexthops: 1 }],
  });
  t.false(subject.busy);
  t.is(subject.settledAt, 1000 + settleMs);
  t.deepEqual(sweep(subject, 1000 + settleMs - 1), { reads: false, requests: [] });
  t.deepEqual(sweep(subject, 1000 + settleMs), { reads: true, requests: [] });
  t.is(subject.settledAt, Number.POSITIVE_INFINITY);
});

test('a stray that is held is removed, and nothing is to be read for it', t => {
  const subject = new StrayRoutes(hold, settleMs);
  subject.setStrays(strayOf(hold));
  t.deepEqual(sweep(subject, 1000), {
    reads: false,
    requests: [{ operation: Operation.delete, protocol: hold, metric: 99, nexthops: 0 }],
  });
  t.is(subject.settledAt, Number.POSITIVE_INFINITY);
});

test('a reading without strays forgets those of the reading before', t => {
  const subject = new StrayRoutes(hold, settleMs);
  subject.setStrays(strayOf(hold));
  subject.setStrays([]);
  t.deepEqual(sweep(subject, 1000).requests, []);
});
