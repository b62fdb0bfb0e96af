import test from 'ava';
import { adoptObjects } from '../../../lib/kernel/groups/adopt-objects.ts';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { type GroupForm, groupFormOf } from '../../../lib/kernel/groups/group-form.ts';
import { type NexthopObject, ObjectKind, packMembers } from '../../../lib/kernel/socket/nexthop-object.ts';
import { concatenate, withOnlink } from '../../../lib/kernel/socket/nexthops.ts';
import { AF_INET } from '../../../lib/kernel/socket/record-layout.ts';
import { advertise, hop, hops } from '../../support/packed.ts';

const resilience = { buckets: 64, idleTimer: 100, unbalancedTimer: 0 };
const plain = { kind: ObjectKind.group } as const;
const resilient = { kind: ObjectKind.resilientGroup, resilience, heaviestMember: 65_535 } as const;
const now = 1000;
const first = advertise * 2 ** 24 + 1;
const idOf = (index: number) => first + index;
const groupId = first + 100;

const nexthop = (index: number, rest: Partial<NexthopObject> = {}): NexthopObject => ({
  kind: ObjectKind.nexthop,
  id: idOf(index),
  protocol: advertise,
  family: AF_INET,
  nexthops: withOnlink(hop(index), true),
  ...rest,
});

/** A group of these members, each an interface's number and a weight. */
const group = (
  members: [index: number, weight: number][],
  rest: Partial<NexthopObject> = {},
): NexthopObject => ({
  kind: ObjectKind.group,
  id: groupId,
  protocol: advertise,
  family: 0,
  nexthops: packMembers(members.map(([index, weight]) => ({ id: idOf(index), weight }))),
  ...rest,
});
const asResilient = { kind: ObjectKind.resilientGroup, resilience };

function adopt(form: GroupForm, objects: NexthopObject[], cohorts = new Cohorts(form, advertise)) {
  adoptObjects(objects, cohorts, now);
  return { cohorts, cohort: cohorts.get(groupId) };
}

test('a group of ours is adopted with its nexthops and weights', t => {
  const { cohort, cohorts } = adopt(plain, [
    nexthop(1),
    nexthop(2),
    group([
      [1, 1],
      [2, 5],
    ]),
  ]);
  t.like(cohort, { family: 4, fit: true });
  t.deepEqual(cohort?.content, concatenate([hop(1), hop(2, { weight: 5 })]));
  t.is(cohorts.nexthops.unused.size, 0);
});

test('a group of one member has no weight', t => {
  t.deepEqual(adopt(plain, [nexthop(1), group([[1, 7]])]).cohort?.content, hops(1));
});

test('a group with a member that is not ours does not fit', t => {
  const { cohort } = adopt(plain, [
    nexthop(1),
    group([
      [1, 1],
      [2, 1],
    ]),
  ]);
  t.false(cohort?.fit);
  t.deepEqual(cohort?.content, hops(1));
});

test('an object of another owner in our range keeps its id, one outside is none of our business', t => {
  const { cohorts, cohort } = adopt(plain, [
    nexthop(0, { protocol: 99, id: first }),
    nexthop(1, { id: 7 }),
    group([[1, 1]], { protocol: 99, id: groupId }),
  ]);
  t.is(cohort, undefined);
  t.is(cohorts.nexthops.unused.size, 0);
  t.is(cohorts.ids.take(), first + 1);
});

for (const [title, form, rest, fit] of [
  ['a plain group where resilient ones are configured does not fit', resilient, {}, false],
  ['a resilient group where plain ones are configured does not fit', plain, asResilient, false],
  ['a group where none are configured does not fit', undefined, {}, false],
  [
    'a resilient group of other buckets does not fit',
    resilient,
    { ...asResilient, resilience: { ...resilience, buckets: 32 } },
    false,
  ],
  ['a resilient group as configured fits', resilient, asResilient, true],
] as const) {
  test(title, t => {
    t.is(adopt(form, [nexthop(1), group([[1, 1]], rest)]).cohort?.fit, fit);
  });
}

test('a resilient group of other timers fits, and is written with ours', t => {
  const rest = { ...asResilient, resilience: { ...resilience, idleTimer: 7 } };
  const { cohorts, cohort } = adopt(resilient, [nexthop(1), group([[1, 1]], rest)]);
  t.true(cohort?.fit);
  t.deepEqual([...cohorts.takeChanges(now).keys()], [cohort]);
});

test('a group that a former run was marking goes on being marked, evenly afterwards', t => {
  const { cohort } = adopt(resilient, [
    nexthop(1),
    nexthop(2),
    group(
      [
        [1, 65_535],
        [2, 1],
      ],
      asResilient,
    ),
  ]);
  t.deepEqual(cohort?.content, hops(1, 2));
  t.deepEqual(cohort?.marking?.unmarked.length, hops(1).length);
  t.is(cohort?.marking?.until, now + 10 * resilience.idleTimer + 250);
});

test('on a kernel with small weights, what a former run was marking goes on so, and what we write is known again', t => {
  const small = { ...resilient, heaviestMember: 255 };
  const objects = [
    nexthop(1),
    nexthop(2),
    group(
      [
        [1, 255],
        [2, 1],
      ],
      asResilient,
    ),
  ];
  const { cohorts, cohort } = adopt(small, objects);
  t.deepEqual(cohort?.content, hops(1, 2));
  t.is(cohort?.marking?.until, now + 10 * resilience.idleTimer + 250);
  adoptObjects(objects, cohorts, now + 500);
  t.is(cohort?.marking?.until, now + 10 * resilience.idleTimer + 250);
});

test('marking that is configured no more is forgotten, and its weights with it', t => {
  const { cohort } = adopt(plain, [
    nexthop(1),
    nexthop(2),
    group(
      [
        [1, 65_535],
        [2, 1],
      ],
      asResilient,
    ),
  ]);
  t.deepEqual(cohort?.content, hops(1, 2));
  t.is(cohort?.marking, undefined);
});

test('a group that we are marking is as we wrote it, and its time stands', t => {
  const objects = [
    nexthop(1),
    nexthop(2),
    group(
      [
        [1, 65_535],
        [2, 1],
      ],
      asResilient,
    ),
  ];
  const { cohorts, cohort } = adopt(resilient, objects);
  const marking = cohort?.marking;
  adoptObjects(objects, cohorts, now + 500);
  t.is(cohort?.marking, marking);
  const others = [
    nexthop(1),
    nexthop(2),
    group(
      [
        [1, 65_535],
        [2, 65_535],
      ],
      asResilient,
    ),
  ];
  adoptObjects(others, cohorts, now + 500);
  t.not(cohort?.marking, marking, 'what others wrote is marked anew');
});

test('the form of groups follows from the configuration, its times in hundredths of a second', t => {
  const times = { buckets: 64, idleSeconds: 1, unbalancedSeconds: 2 };
  t.is(groupFormOf({ nexthops: 'multipath', resilient: times }), undefined);
  t.deepEqual(groupFormOf({ nexthops: 'groups', resilient: times }), plain);
  t.deepEqual(groupFormOf({ nexthops: 'resilient', resilient: times }), {
    kind: ObjectKind.resilientGroup,
    resilience: { buckets: 64, idleTimer: 100, unbalancedTimer: 200 },
  });
  t.like(groupFormOf({ nexthops: 'resilient', resilient: times }, 255), { heaviestMember: 255 });
});
