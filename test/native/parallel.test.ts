/** Large batches: written over two sockets at once, and told as if in order. */
import { release } from 'node:os';
import test from 'ava';
import {
  type NexthopObject,
  ObjectKind,
  ObjectOperation,
  packObject,
} from '../../lib/kernel/socket/nexthop-object.ts';
import { headerLength } from '../../lib/kernel/socket/record-layout.ts';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import type { NexthopRecord } from '../../lib/kernel/socket/route-record.ts';
import { outcomeUnknown } from '../../lib/kernel/socket/route-socket.ts';
import { shrinkReceiveBuffers, silence } from './lost-replies.ts';
import { createRouteLab, gateway, Operation, ourRoutes, pack, protocol, route } from './route-lab.ts';

const { create, replace } = Operation;
const ESRCH = 3;
const ENETUNREACH = 101;
const EHOSTUNREACH = 113;
const families = [4, 6] as const;
/** What the kernel says of a gateway that no route leads to. */
const unreachable = { 4: ENETUNREACH, 6: EHOSTUNREACH } as const;

/** `count` times what `record` gives, for either family. */
function packMany(
  count: number,
  record: (family: 4 | 6, number: number) => ReturnType<typeof route>,
  only: readonly (4 | 6)[] = families,
): Uint8Array {
  const batch = new RouteBatch();
  for (let number = 0; number < count; number++) {
    for (const family of only) batch.add(record(family, number));
  }
  return batch.bytes();
}

for (const family of families) {
  test.serial(`IPv${family}: where replies of a large batch are lost, no outcome is told wrong`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    await shrinkReceiveBuffers();
    const good = lab.nexthop(family, 0);
    const bad = { ...good, gateway: gateway(family, 99) };
    const isBad = (number: number) => number % 2 === 1;
    const batch = packMany(2000, (_, number) => route(create, family, number, [isBad(number) ? bad : good]), [
      family,
    ]);
    const result = await socket.apply(batch);
    t.true(
      result.every(
        (errno, number) => errno === outcomeUnknown || (isBad(number) && errno === unreachable[family]),
      ),
    );
    t.true(result.includes(outcomeUnknown));
    t.true(result.includes(unreachable[family]));
    t.is((await ourRoutes(socket, family)).length, 1000);
    const next = await socket.apply(
      pack(route(Operation.delete, family, 150), route(Operation.delete, family, 5)),
    );
    t.deepEqual([...next], [0, ESRCH]);
  });
}

test.serial(
  'a socket that is never answered loses the outcomes of its own requests, and no other',
  async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    const [major = 0, minor = 0] = release().split('.').map(Number);
    const isParallel = major > 6 || (major === 6 && minor >= 16);
    // The first socket waits seconds for each reply, in which the second thread takes all that is left. Without
    // a second thread nothing is sent over the second socket.
    await silence(isParallel ? 0 : 1);
    const count = 8000;
    const write = (operation: Operation) =>
      socket.apply(packMany(count, (_, number) => route(operation, 6, number, [lab.nexthop(6, 0)]), [6]));
    let result = await write(create);
    // On a busy machine the first thread, too, may come when there is nothing left for it.
    for (let more = 20; isParallel && more > 0 && !result.includes(outcomeUnknown); more--) {
      await write(Operation.delete);
      result = await write(create);
    }
    t.true(result.every(errno => errno === 0 || errno === outcomeUnknown));
    t.is(result.includes(outcomeUnknown), isParallel);
    t.true(result.includes(0));
    t.is((await ourRoutes(socket, 6)).length, count);
  },
);

test('requests for one destination are carried out in order, however large the batch', async t => {
  const lab = await createRouteLab(t, 3);
  const socket = lab.open();
  const count = 500;
  const steps = [
    [create, 0],
    [replace, 1],
    [Operation.delete, 1],
    [create, 2],
    [replace, 0],
  ] as const;
  const step = (family: 4 | 6, number: number, index: number) => {
    const [operation, pod] = steps[index] as (typeof steps)[number];
    return route(operation, family, number, [lab.nexthop(family, pod)]);
  };
  // Each step for all of them, then all steps of one after the other.
  const batch = new RouteBatch();
  for (let index = 0; index < steps.length; index++) {
    batch.addPacked(
      packMany(count, (family, number) => step(family, number, index)),
      2 * count,
    );
  }
  for (let number = count; number < 2 * count; number++) {
    for (let index = 0; index < steps.length; index++) {
      for (const family of families) batch.add(step(family, number, index));
    }
  }
  const result = await socket.apply(batch.bytes());
  t.is(result.length, 2 * 2 * count * steps.length);
  t.deepEqual(
    result.filter(errno => errno !== 0),
    new Int32Array(),
  );
  for (const family of families) {
    const routes = await ourRoutes(socket, family);
    t.is(routes.length, 2 * count);
    const last = [lab.nexthop(family, 0)];
    t.true(routes.every(({ nexthops }) => JSON.stringify(nexthops) === JSON.stringify(last)));
  }
});

test('a network and a route without a gateway come after what is before them, and before what is behind', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const count = 400;
  const device: NexthopRecord = { interfaceIndex: lab.interfaces[0] as number };
  for (const family of families) {
    const scope = family === 4 ? 253 : 0;
    const [network, host] = [gateway(family, 77), gateway(family, 88)];
    network[network.length - 1] = 0;
    const through = (address: Uint8Array, operation: Operation, from: number) =>
      packMany(
        count,
        (_, number) => route(operation, family, from + number, [{ ...device, gateway: address }]),
        [family],
      );
    const gate = network.slice();
    gate[gate.length - 1] = 9;
    const prefix = { destination: network, prefixLength: family === 4 ? 24 : 64, scope };
    const batch = new RouteBatch();
    batch.addPacked(through(gate, create, 0), count);
    batch.add(route(create, family, 0, [device], prefix));
    batch.addPacked(through(gate, create, 0), count);
    batch.addPacked(through(host, create, 1000), count);
    batch.add(route(create, family, 0, [device], { destination: host, scope }));
    batch.addPacked(through(host, create, 1000), count);
    batch.add(route(Operation.delete, family, 0, [], prefix));
    batch.addPacked(through(gate, create, 2000), count);
    const result = await socket.apply(batch.bytes());
    const failed = unreachable[family];
    const expected = [failed, 0, 0, failed, 0, 0, 0, failed].flatMap((errno, part) =>
      Array.from({ length: [1, 4, 6].includes(part) ? 1 : count }, () => errno),
    );
    t.deepEqual([...result], expected, `IPv${family}`);
  }
});

test('a nexthop object is made after what is before it, and goes before what is behind', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const count = 400;
  const EINVAL = 22;
  for (const family of families) {
    const object: NexthopObject = {
      kind: ObjectKind.nexthop,
      id: 100 + family,
      protocol,
      family: family === 4 ? 2 : 10,
      nexthops: pack(route(create, family, 0, [lab.nexthop(family, 0)])).slice(headerLength),
    };
    const routes = packMany(
      count,
      (_, number) => route(create, family, number, [], { nexthopGroup: object.id }),
      [family],
    );
    const batch = new RouteBatch();
    batch.addPacked(routes, count);
    batch.addPacked(packObject(ObjectOperation.create, object), 1);
    batch.addPacked(routes, count);
    batch.addPacked(packObject(ObjectOperation.delete, object), 1);
    batch.addPacked(routes, count);
    const result = await socket.apply(batch.bytes());
    const expected = [EINVAL, 0, EINVAL].flatMap(errno => [...Array.from({ length: count }, () => errno), 0]);
    t.deepEqual([...result], expected.slice(0, -1), `IPv${family}`);
  }
});

test('failures of both families are told of their requests', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const isThere = (family: 4 | 6, number: number) => number % (family === 4 ? 3 : 5) === 0;
  const batch = new RouteBatch();
  const expected: number[] = [];
  for (let number = 0; number < 3000; number++) {
    for (const family of families) {
      if (isThere(family, number)) batch.add(route(create, family, number, [lab.nexthop(family, 0)]));
      expected.push(isThere(family, number) ? 0 : ESRCH);
    }
  }
  t.true((await socket.apply(batch.bytes())).every(errno => errno === 0));
  const result = await socket.apply(
    packMany(3000, (family, number) => route(Operation.delete, family, number)),
  );
  t.deepEqual([...result], expected);
  for (const family of families) t.deepEqual(await ourRoutes(socket, family), []);
});
