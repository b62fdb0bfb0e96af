import test from 'ava';
import fc from 'fast-check';
import { subtractNexthops, withoutInterface } from '../../../lib/kernel/socket/nexthops.ts';
import { afterDeletion, afterLinkLoss, countRestoration } from '../../../lib/kernel/state/drift.ts';
import { type Programmed, programmedAs } from '../../../lib/kernel/state/route-entry.ts';
import { advertise, entryOf, four, hops, six } from '../../support/packed.ts';

const through = (...indexes: number[]): Programmed => ({
  protocol: advertise,
  nexthops: hops(...indexes),
  group: 0,
});
const grouped = (...indexes: number[]): Programmed => ({ ...through(...indexes), group: 7 });

/** What is believed after interface 1 was lost. */
const losses: Record<
  string,
  [
    family: 4 | 6,
    before: Programmed | undefined,
    gone: boolean,
    content: Uint8Array | undefined,
    after: Programmed | undefined,
  ]
> = {
  'what was not there is not there': [4, undefined, true, undefined, undefined],
  'an IPv4 route goes as a whole with one of its interfaces': [4, through(1, 2), true, undefined, undefined],
  'an IPv4 route stays while one of its interfaces is down, as it was': [
    4,
    through(1, 2),
    false,
    undefined,
    through(1, 2),
  ],
  'an IPv4 route goes when its last interface is down': [4, through(1), false, undefined, undefined],
  'an IPv6 route stays with its other nexthops, and is to be written again': [
    6,
    through(1, 2),
    true,
    undefined,
    through(1, 2),
  ],
  'an IPv6 route goes with its last interface': [6, through(1), true, undefined, undefined],
  'a route through a group lives on with what its group has left': [
    4,
    grouped(1, 2),
    true,
    hops(2),
    grouped(2),
  ],
  'a route goes with its group': [4, grouped(1), true, hops(), undefined],
};
for (const [title, [family, programmed, gone, content, after]] of Object.entries(losses)) {
  test(title, t => {
    const entry = entryOf(family === 4 ? four : six, { programmed });
    t.deepEqual(afterLinkLoss(entry, 1, gone, content), after);
    t.is(entry.programmed, programmed, 'the entry is as it was');
  });
}

/** What is believed after a notification that a route with these nexthops was deleted. */
const deletions: Record<
  string,
  [family: 4 | 6, before: Programmed | undefined, named: Uint8Array, after: Programmed | undefined]
> = {
  'deleted without being there it is not there': [6, undefined, hops(1), undefined],
  'deleted over IPv4 it is gone, whatever is named': [4, through(1, 2), hops(1), undefined],
  'deleted over IPv6 it keeps the nexthops that are not named': [6, through(1, 2), hops(1), through(2)],
  'deleted over IPv6 with all its nexthops it is gone': [6, through(1, 2), hops(1, 2), undefined],
  'deleted over IPv6 without a nexthop named it is gone': [6, through(1, 2), hops(), undefined],
  'deleted over IPv6 through a group it is gone': [6, grouped(1, 2), hops(1), undefined],
};
for (const [title, [family, programmed, named, after]] of Object.entries(deletions)) {
  test(title, t => {
    t.deepEqual(afterDeletion(entryOf(family === 4 ? four : six, { programmed }), named), after);
  });
}

test('five restorations within ten seconds are a coincidence, the sixth is not', t => {
  const entry = entryOf(four);
  const contested = [0, 1, 2, 3, 4, 9999, 10_000].map(now => countRestoration(entry, now));
  t.deepEqual(contested, [false, false, false, false, false, true, true]);
  t.false(countRestoration(entry, 10_001), 'and then it is counted from the beginning');
});

test('restorations far apart are never contested', t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 2001, max: 20_000 }), { maxLength: 30 }), pauses => {
      const entry = entryOf(four);
      let now = 0;
      for (const pause of pauses) {
        now += pause;
        t.false(countRestoration(entry, now));
      }
    }),
  );
});

test('the same beliefs one after the other share the object', t => {
  const nexthops = hops(1);
  const first = programmedAs(advertise, nexthops, 0);
  t.is(programmedAs(advertise, nexthops, 0), first);
  t.deepEqual(programmedAs(71, nexthops, 0), { protocol: 71, nexthops, group: 0 });
  t.deepEqual(programmedAs(advertise, nexthops, 0), first);
});

test('sets without an interface, and without each other, keep their order', t => {
  const set = fc.subarray([1, 2, 3, 4]);
  fc.assert(
    fc.property(set, set, (left, right) => {
      t.deepEqual(
        subtractNexthops(hops(...left), hops(...right)),
        hops(...left.filter(each => !right.includes(each))),
      );
      t.deepEqual(withoutInterface(hops(...left), 2), hops(...left.filter(each => each !== 2)));
    }),
  );
});
