import test from 'ava';
import fc from 'fast-check';
import {
  configuredAlike,
  configuredNexthops,
  countNexthops,
  describeNexthops,
  hasNexthop,
  interfacesOf,
  intersectNexthops,
  isOnlink,
  sameNexthops,
  uniteNexthops,
  withOnlink,
} from '../../../lib/kernel/socket/nexthops.ts';
import { NexthopFlag, nexthopLength, nexthopOffsets } from '../../../lib/kernel/socket/record-layout.ts';
import { hop, hops, linksOf } from '../../support/packed.ts';

const indexes = fc
  .uniqueArray(fc.integer({ min: 1, max: 250 }), { maxLength: 6 })
  .map(each => each.sort((a, b) => a - b));

/** A copy whose nexthops have these flags besides. */
function flagged(packed: Uint8Array, flags: number): Uint8Array {
  const copy = packed.slice();
  for (let at = nexthopOffsets.flags; at < copy.length; at += nexthopLength)
    copy[at] = (copy[at] as number) | flags;
  return copy;
}

test('sets are united and intersected as sets are, in canonical order', t => {
  fc.assert(
    fc.property(indexes, indexes, (left, right) => {
      const united = [...new Set([...left, ...right])].sort((a, b) => a - b);
      t.deepEqual(uniteNexthops(hops(...left), hops(...right)), hops(...united));
      const common = left.filter(each => right.includes(each));
      t.deepEqual(intersectNexthops(hops(...left), hops(...right)), hops(...common));
      t.is(countNexthops(hops(...united)), united.length);
      t.deepEqual(interfacesOf(hops(...left)), left);
    }),
  );
});

test('what the kernel alone reports is no difference, and is left out of a configured copy', t => {
  const reported = NexthopFlag.dead | NexthopFlag.linkdown;
  fc.assert(
    fc.property(indexes, indexes, (left, right) => {
      const [one, other] = [hops(...left), hops(...right)];
      const length = Math.min(one.length, other.length);
      const same = sameNexthops(one.subarray(0, length), other.subarray(0, length));
      t.is(configuredAlike(one, 0, flagged(other, reported), 0, length), same);
      t.deepEqual(configuredNexthops(flagged(one, reported)), one);
    }),
  );
});

test('on-link or not is configured, and a difference', t => {
  const onlink = withOnlink(hop(1), true);
  t.true(isOnlink(onlink));
  t.false(isOnlink(hop(1)));
  t.false(configuredAlike(hop(1), 0, onlink, 0, nexthopLength));
  t.deepEqual(configuredNexthops(flagged(onlink, NexthopFlag.dead)), onlink);
});

test('a set has a nexthop by its interface and gateway', t => {
  const gateway = Uint8Array.of(10, 1, 1, 2);
  t.true(hasNexthop(hops(1, 2), 1, gateway));
  t.false(hasNexthop(hops(1, 2), 2, gateway));
  t.false(hasNexthop(hops(2), 1, gateway));
});

test('nexthops are described by gateway, interface name and weight', t => {
  const packed = Uint8Array.from([...hop(1), ...hop(2, { family: 6, weight: 5 }), ...hop(9)]);
  t.is(describeNexthops(packed, linksOf(1, 2)), '10.1.1.2%p1, fd00:1:2::2%p2 weight 5, 10.1.9.2%#9');
  const withoutGateway = hop(1);
  withoutGateway[nexthopOffsets.gatewayFamily] = 0;
  t.is(describeNexthops(withoutGateway, linksOf(1)), '%p1');
  t.is(describeNexthops(hops(), linksOf()), '');
});
