import test from 'ava';
import fc from 'fast-check';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { beginSearch, continueSearch, partToTry } from '../../../lib/kernel/plan/nexthop-search.ts';
import { ObjectKind } from '../../../lib/kernel/socket/nexthop-object.ts';
import { interfacesOf } from '../../../lib/kernel/socket/nexthops.ts';
import { advertise, entryOf, failureOf, four, hops } from '../../support/packed.ts';

const multipath = new Cohorts(undefined, advertise);
const all = [1, 2, 3, 4, 5, 6];

test('the search ends with every nexthop that works, whatever the kernel held before', t => {
  const some = fc.subarray(all);
  fc.assert(
    fc.property(fc.subarray(all, { minLength: 2 }), some, some, (want, bad, before) => {
      const nexthops = hops(...want);
      const programmed =
        before.length === 0 ? undefined : { protocol: advertise, nexthops: hops(...before), group: 0 };
      const entry = entryOf(four, { programmed });
      const failure = failureOf({ search: beginSearch() });
      let requests = 0;
      for (let { nexthops: part, proving } = partToTry(entry, failure, nexthops, multipath); proving; ) {
        requests++;
        const accepted = !interfacesOf(part).some(index => bad.includes(index));
        if (accepted) entry.programmed = { protocol: advertise, nexthops: part, group: 0 };
        continueSearch(failure.search, accepted ? part : undefined);
        ({ nexthops: part, proving } = partToTry(entry, failure, nexthops, multipath));
      }
      t.deepEqual(
        partToTry(entry, failure, nexthops, multipath),
        { nexthops: hops(...want.filter(index => !bad.includes(index))), whole: false, proving: false },
        'and stays so',
      );
      t.true(requests <= want.length + 1, `${requests} requests for ${want.length} nexthops`);
    }),
  );
});

test('what is contested is wanted whole, and written when its time has come', t => {
  const failure = failureOf({ kind: 'contested' });
  t.deepEqual(partToTry(entryOf(four), failure, hops(1), multipath), {
    nexthops: hops(1),
    whole: false,
    proving: false,
  });
});

test('of a single refused nexthop there is no part to try', t => {
  const { nexthops } = partToTry(entryOf(four), failureOf(), hops(1), multipath);
  t.deepEqual(nexthops, hops());
});

test('an outcome without a search changes nothing', t => {
  t.notThrows(() => continueSearch(undefined, hops(1)));
});

test('with groups, what the kernel refused as an object is left out, and tried once', t => {
  const groups = new Cohorts({ kind: ObjectKind.group }, advertise);
  const want = hops(1, 2);
  t.deepEqual(
    partToTry(entryOf(four), failureOf(), want, groups).nexthops,
    hops(),
    'none is known to be bad',
  );
  groups.nexthops.use(want);
  const [, bad] = groups.nexthops.find(want);
  if (bad !== undefined) groups.nexthops.refuse(bad, { errno: 113, words: undefined });
  t.deepEqual(partToTry(entryOf(four), failureOf(), want, groups).nexthops, hops(1));
  t.deepEqual(partToTry(entryOf(four), failureOf({ tried: hops(1) }), want, groups).nexthops, hops());
});
