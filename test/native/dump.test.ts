import test from 'ava';
import { readRoutes } from '../../lib/kernel/socket/route-record.ts';
import type { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import {
  createRouteLab,
  destination,
  metric,
  Operation,
  ourRoutes,
  pack,
  type RouteLab,
  route,
  table,
} from './route-lab.ts';

const [ours, held, others] = [70, 71, 99];
const families = [4, 6] as const;

/** So many host routes of a protocol, from a number on. */
function routes(lab: RouteLab, family: 4 | 6, first: number, count: number, protocol: number): Uint8Array {
  const nexthops = [lab.nexthop(family, 0)];
  return pack(
    ...Array.from({ length: count }, (_, n) =>
      route(Operation.create, family, first + n, nexthops, { protocol }),
    ),
  );
}

/** Destinations as a dump in parts has them, of the last reading that began. */
async function dumpInParts(socket: RouteSocket, family: 4 | 6, protocols: number[]) {
  let readings = 0;
  let parts: Uint8Array[] = [];
  await socket.dumpInParts({ family, table, protocols }, (records, restarted) => {
    if (restarted) {
      parts = [];
      readings++;
    }
    parts.push(records);
  });
  return { readings, parts, found: parts.flatMap(part => [...readRoutes(part)]) };
}

for (const family of families) {
  test(`IPv${family}: the parts of a dump are the dump`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    await socket.apply(routes(lab, family, 0, 5000, ours));
    const { readings, parts, found } = await dumpInParts(socket, family, [ours, held]);
    t.is(readings, 1);
    t.true(parts.length > 1);
    t.deepEqual(found, await ourRoutes(socket, family, [ours, held]));
    t.is(found.length, 5000);
  });

  test(`IPv${family}: whether others have nothing in the table or most of it, a dump has ours and no more`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    const wanted = [...Array(20).keys()].map(number => `${destination(family, number)}`);
    const found = async () => {
      // A monitor hears of all routes at our metric; a dump gives ours alone, also where its filter has one.
      const filter = { family, table, protocols: [ours, held], metric };
      return [...readRoutes(await socket.dump(filter))].map(each => `${each.destination}`).sort();
    };
    await socket.apply(routes(lab, family, 0, 10, ours));
    await socket.apply(routes(lab, family, 10, 10, held));
    t.deepEqual(await found(), wanted.toSorted());
    await socket.apply(routes(lab, family, 100, 2000, others));
    // At first all is read at once; once it is known whose the table is, by protocol.
    for (let reading = 0; reading < 3; reading++) t.deepEqual(await found(), wanted.toSorted());
  });

  test(`IPv${family}: while others change the table a dump has what stood all the time, once`, async t => {
    const lab = await createRouteLab(t, 1);
    const [socket, disturber] = [lab.open(), lab.open()];
    await socket.apply(routes(lab, family, 0, 3000, ours));
    const add = routes(lab, family, 4000, 300, others);
    const remove = pack(
      ...Array.from({ length: 300 }, (_, n) =>
        route(Operation.delete, family, 4000 + n, [], { protocol: others }),
      ),
    );
    let disturbing = true;
    const disturbed = (async () => {
      while (disturbing) for (const batch of [add, remove]) await disturber.apply(batch);
    })();
    const wanted = [...Array(3000).keys()].map(number => `${destination(family, number)}`).sort();
    for (let dump = 0; dump < 15; dump++) {
      const { found } = await dumpInParts(socket, family, [ours, held]);
      t.deepEqual(found.map(each => `${each.destination}`).sort(), wanted);
    }
    disturbing = false;
    await disturbed;
  });
}

test('a dump in parts of nothing is one part without a record', async t => {
  const lab = await createRouteLab(t, 1);
  const { readings, parts } = await dumpInParts(lab.open(), 4, [ours]);
  t.deepEqual([readings, parts.map(({ length }) => length)], [1, [0]]);
});

test('what takes the parts may throw: the dump rejects with that, and gives no more', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  await socket.apply(routes(lab, 4, 0, 5000, ours));
  let parts = 0;
  const dump = socket.dumpInParts({ family: 4, table, protocols: [ours] }, () => {
    parts++;
    throw new RangeError('enough');
  });
  await t.throwsAsync(dump, { instanceOf: RangeError, message: 'enough' });
  t.is(parts, 1);
  t.is((await ourRoutes(socket, 4)).length, 5000);
});
