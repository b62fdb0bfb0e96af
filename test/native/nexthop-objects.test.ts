/** Nexthop objects and groups cross the seam, and the kernel says of them what was written. */
import test from 'ava';
import {
  membersOf,
  type NexthopObject,
  ObjectKind,
  ObjectOperation,
  packMembers,
  packObject,
  readObjects,
} from '../../lib/kernel/socket/nexthop-object.ts';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { abilities } from '../support/abilities.ts';
import { eventually } from '../support/lab.ts';
import { createRouteLab, Operation, ourRoutes, pack, protocol, type RouteLab, route } from './route-lab.ts';

const { create, replace } = ObjectOperation;
const resilience = { buckets: 64, idleTimer: 6000, unbalancedTimer: 12_000 };

/** The nexthop through `p<pod>`, with the id 100 + pod (IPv6: 600 + pod). */
function nexthop(lab: RouteLab, family: 4 | 6, pod: number): NexthopObject {
  const batch = pack(route(Operation.create, family, 1, [lab.nexthop(family, pod)]));
  return {
    kind: ObjectKind.nexthop,
    id: family * 100 - (family === 4 ? 300 : 0) + pod,
    protocol,
    family: family === 4 ? 2 : 10,
    nexthops: batch.slice(40),
  };
}

function group(id: number, members: [id: number, weight: number][], resilient = false): NexthopObject {
  return {
    kind: resilient ? ObjectKind.resilientGroup : ObjectKind.group,
    id,
    protocol,
    family: 0,
    nexthops: packMembers(members.map(([id, weight]) => ({ id, weight }))),
    ...(resilient && { resilience }),
  };
}

function batchOf(...records: Uint8Array[]): Uint8Array {
  const batch = new RouteBatch();
  for (const record of records) batch.addPacked(record, 1);
  return batch.bytes();
}

for (const family of [4, 6] as const) {
  test(`IPv${family}: nexthops, a group and a route through it are one batch, and read back as written`, async t => {
    const lab = await createRouteLab(t, 3);
    const socket = lab.open();
    const pods = [0, 1, 2].map(pod => nexthop(lab, family, pod));
    const members = pods.map(({ id }, index): [number, number] => [id, index + 1]);
    const groups = [group(2000, members), group(2001, members, abilities.resilientGroups)];
    const result = await socket.apply(
      batchOf(
        ...[...pods, ...groups].map(object => packObject(create, object)),
        pack(route(Operation.create, family, 1, [], { nexthopGroup: 2000 })),
        pack(route(Operation.create, family, 2, [], { nexthopGroup: 2001 })),
      ),
    );
    t.deepEqual([...result.messages], []);
    t.true(result.every(errno => errno === 0));
    t.deepEqual([...readObjects(await socket.nexthopObjects())], [...pods, ...groups]);
    const routes = await ourRoutes(socket, family);
    t.deepEqual(
      routes.map(({ nexthopGroup, nexthops }) => [nexthopGroup, nexthops.length]),
      [
        [2000, 3],
        [2001, 3],
      ],
    );
    if (!abilities.resilientGroups) return;
    const [seen] = await lab.host.ipJson<{ resilient_args?: Record<string, number> }[]>(
      'nexthop',
      'show',
      'id',
      '2001',
    );
    t.like(seen?.resilient_args, { buckets: 64, idle_timer: 60, unbalanced_timer: 120 });
  });

  test(`IPv${family}: a group changed in place changes every route through it, by one request`, async t => {
    const lab = await createRouteLab(t, 3);
    const socket = lab.open();
    const pods = [0, 1, 2].map(pod => nexthop(lab, family, pod));
    const ids = pods.map(({ id }) => id);
    const all = group(
      2000,
      ids.map(id => [id, 1]),
    );
    await socket.apply(
      batchOf(
        ...[...pods, all].map(object => packObject(create, object)),
        pack(
          ...Array.from({ length: 50 }, (_, number) =>
            route(Operation.create, family, number, [], { nexthopGroup: 2000 }),
          ),
        ),
      ),
    );
    const left = group(
      2000,
      ids.slice(1).map(id => [id, 1]),
    );
    t.deepEqual([...(await socket.apply(packObject(replace, left)))], [0]);
    const routes = await ourRoutes(socket, family);
    t.is(routes.length, 50);
    t.true(routes.every(({ nexthops }) => nexthops.length === 2));
    const [read] = [...readObjects(await socket.nexthopObjects())].filter(({ id }) => id === 2000);
    t.deepEqual(
      membersOf(read as NexthopObject).map(({ id }) => id),
      ids.slice(1),
    );
  });
}

test('what the kernel says that it can do is what it does, and it takes the heaviest member of its own', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const { nexthopObjects, resilientGroups, heaviestMember } = await socket.abilities();
  t.is((await socket.nexthopObjects()).length, 0, 'to ask changes nothing');
  const only = nexthop(lab, 4, 0);
  const members: [id: number, weight: number][] = [[only.id, 65_535]];
  const outcomes = await socket.apply(
    batchOf(
      ...[only, group(2000, members), group(2001, members, true)].map(object => packObject(create, object)),
    ),
  );
  t.deepEqual([...outcomes], [nexthopObjects ? 0 : 95, 0, resilientGroups ? 0 : 22]);
  const written = [...readObjects(await socket.nexthopObjects())].filter(({ id }) => id >= 2000);
  for (const object of written) t.deepEqual(membersOf(object), [{ id: only.id, weight: heaviestMember }]);
});

test('what the kernel refuses of objects is told one by one, in its words, and stops no other', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  const [first, second] = [0, 1].map(pod => nexthop(lab, 4, pod)) as [NexthopObject, NexthopObject];
  const lost = { ...second, nexthops: second.nexthops.slice() };
  lost.nexthops[8] = 99;
  const result = await socket.apply(
    batchOf(
      packObject(create, first),
      packObject(create, lost),
      packObject(create, group(2000, [[second.id, 1]])),
      packObject(create, first),
      packObject(replace, group(2001, [[first.id, 1]])),
      packObject(create, group(2002, [[first.id, 1]])),
      packObject(ObjectOperation.delete, group(2003, [])),
      packObject(create, group(2004, [[first.id, 1]], true)),
      packObject(replace, group(2004, [[first.id, 1]])),
    ),
  );
  // A kernel without resilient groups refuses to make one, and has none to replace.
  const [made, replaced] = abilities.resilientGroups ? [0, 22] : [22, 2];
  t.deepEqual([...result], [0, 101, 22, 17, 2, 0, 2, made, replaced]);
  t.is(result.messages.get(1), 'Nexthop has invalid gateway');
  t.is(result.messages.get(2), 'Invalid nexthop id');
  if (abilities.resilientGroups)
    t.is(result.messages.get(8), 'Can not replace a nexthop group with one of a different type.');
});

test('a malformed object is refused before anything is sent, naming its field', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const good = packObject(create, nexthop(lab, 4, 0));
  const bad: [string, Uint8Array][] = [
    ['id', packObject(create, { ...nexthop(lab, 4, 0), id: 0 })],
    ['kind', packObject(create, { ...nexthop(lab, 4, 0), kind: 3 as ObjectKind })],
    ['family', packObject(create, { ...nexthop(lab, 4, 0), family: 7 })],
    ['nexthopCount', packObject(create, group(9, []))],
    ['nexthops[0].weight', packObject(create, group(9, [[100, 0]]))],
    ['operation', packObject(7 as ObjectOperation, group(9, []))],
  ];
  for (const [field, record] of bad) {
    await t
      .throwsAsync(socket.apply(batchOf(good, record)), { code: 'FLOCK_RECORD_INVALID' }, field)
      .then(error => t.like(error, { index: 1, field }));
  }
  t.is((await socket.nexthopObjects()).length, 0);
});

test('a monitor that asks for it hears of objects that others change, and of none of our own', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  let heard = 0;
  const monitor = socket.monitor(
    { table: 254, protocols: [protocol], nexthopObjects: true },
    ({ nexthopObjects }) => {
      if (nexthopObjects) heard++;
    },
  );
  await socket.apply(packObject(create, nexthop(lab, 4, 0)));
  await lab.host.ip('nexthop', 'add', 'id', '7', 'via', '10.0.1.2', 'dev', 'p1', 'protocol', '99');
  await lab.host.ip('nexthop', 'delete', 'id', '100');
  await eventually('the deletion to be heard', () => heard > 0);
  t.is(heard, 1);
  monitor.stop();
});

test('an interface that goes takes its nexthop out of the group, and the route lives on, in both families', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  for (const family of [4, 6] as const) {
    const pods = [0, 1].map(pod => nexthop(lab, family, pod));
    const result = await socket.apply(
      batchOf(
        ...pods.map(object => packObject(create, object)),
        packObject(
          create,
          group(
            2000 + family,
            pods.map(({ id }) => [id, 1]),
          ),
        ),
        pack(route(Operation.create, family, 1, [], { nexthopGroup: 2000 + family })),
      ),
    );
    t.deepEqual([...result], [0, 0, 0, 0]);
  }
  await lab.host.ip('link', 'delete', 'p0');
  for (const family of [4, 6] as const) {
    const [left] = await ourRoutes(socket, family);
    t.is(left?.nexthopGroup, 2000 + family);
    t.is(left?.nexthops.length, 1);
  }
  t.is([...readObjects(await socket.nexthopObjects())].length, 4);
});
