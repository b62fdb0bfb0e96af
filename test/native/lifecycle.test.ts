import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import fc from 'fast-check';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { type NativeError, outcomeUnknown, RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { eventually } from '../support/lab.ts';
import { restore, silence } from './lost-replies.ts';
import {
  createRouteLab,
  Operation,
  ourRoutes,
  pack,
  protocol,
  type RouteLab,
  route,
  table,
} from './route-lab.ts';

/** `count` routes of one family, or of each. */
function many(
  lab: RouteLab,
  count: number,
  operation: Operation = Operation.create,
  families: readonly (4 | 6)[] = [4, 6],
): Uint8Array {
  const batch = new RouteBatch();
  for (let number = 0; number < count; number++) {
    for (const family of families) batch.add(route(operation, family, number, [lab.nexthop(family, 0)]));
  }
  return batch.bytes();
}

test.serial('closing lets what is being sent finish and rejects what was not begun', async t => {
  const lab = await createRouteLab(t, 1);
  // One request a send; each waits seconds for its reply while there are none, so the first call has not ended.
  const socket = lab.open({ receiveBuffer: 1 });
  await silence(0);
  // More than the calling thread takes itself.
  const count = 40;
  const first = socket.apply(many(lab, count, Operation.create, [4]));
  const others = lab.open();
  await eventually('the first call to be under way', async () => (await ourRoutes(others, 4)).length > 0);
  const queued = [
    socket.apply(many(lab, count, Operation.create, [6])),
    socket.apply(pack(route(Operation.delete, 4, 0))),
  ];
  t.is((await socket.links()).length, 3, 'reading does not wait for writing');
  const closed = socket.close();
  for (const promise of queued) {
    t.is((await t.throwsAsync<NativeError>(promise))?.code, 'ERR_CLOSED');
  }
  await restore(0);
  const outcomes = await first;
  t.is(outcomes.length, count);
  t.true(outcomes.every(errno => errno === 0 || errno === outcomeUnknown));
  t.is(outcomes.at(-1), 0);
  await closed;
  t.is((await ourRoutes(others, 4)).length, count);
  t.deepEqual(await ourRoutes(others, 6), []);
});

test('a closed socket refuses everything, and closes again without complaint', async t => {
  const lab = await createRouteLab(t, 0);
  const socket = lab.open();
  const first = socket.close();
  t.is(await socket.close(), undefined);
  // In a later turn of the event loop too, where a handle kept from the first call would be another value by now.
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(resolve => setImmediate(resolve));
    t.is(socket.close(), first);
  }
  t.is((await t.throwsAsync<NativeError>(socket.apply(new Uint8Array())))?.code, 'ERR_CLOSED');
  t.is((await t.throwsAsync<NativeError>(socket.links()))?.code, 'ERR_CLOSED');
  const dump = socket.dump({ family: 4, table, protocols: [protocol] });
  t.is((await t.throwsAsync<NativeError>(dump))?.code, 'ERR_CLOSED');
  const parts = socket.dumpInParts({ family: 4, table, protocols: [protocol] }, () => t.fail());
  t.is((await t.throwsAsync<NativeError>(parts))?.code, 'ERR_CLOSED');
  const error = t.throws<NativeError>(() => socket.monitor({ table, protocols: [protocol] }, () => {}));
  t.is(error?.code, 'ERR_CLOSED');
  t.true(socket.receiveBuffer > 0);
});

test('calls are carried out in their order, small ones behind large ones', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const outcomes = await Promise.all([
    socket.apply(pack(route(Operation.create, 4, 1, [lab.nexthop(4, 0)]))),
    socket.apply(many(lab, 5000)),
    socket.apply(pack(route(Operation.create, 4, 2, [lab.nexthop(4, 0)]))),
    socket.apply(many(lab, 5000, Operation.delete)),
    socket.apply(pack(route(Operation.delete, 4, 2))),
  ]);
  const EEXIST = 17;
  const ESRCH = 3;
  t.deepEqual(
    outcomes.map(([first]) => first),
    [0, 0, EEXIST, 0, ESRCH],
  );
  // IPv4 and IPv6 of number 0, then IPv4 of number 1.
  t.is(outcomes[1]?.[2], EEXIST);
});

test('the batch may be written over as soon as apply returned', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const bytes = many(lab, 3000);
  const result = socket.apply(bytes);
  bytes.fill(0xff);
  t.true((await result).every(errno => errno === 0));
});

/** A worker thread with a socket and a monitor of its own, applying without end. */
const worker = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.native).then(async ({ RouteSocket }) => {
    const socket = new RouteSocket({ netns: workerData.netns });
    socket.monitor({ table: 254, protocols: [70] }, () => {});
    const { length } = await socket.apply(workerData.batch);
    parentPort.postMessage(length);
    const filter = { family: 4, table: 254, protocols: [70] };
    for (;;) await Promise.all([socket.apply(workerData.batch), socket.dump(filter), socket.dumpInParts(filter, () => {})]);
  });
`;

test('worker threads have sockets of their own, and may be ended in the middle of their work', async t => {
  const lab = await createRouteLab(t, 1);
  const workerData = {
    native: new URL('../../lib/kernel/socket/route-socket.ts', import.meta.url).href,
    netns: lab.host.path,
    batch: many(lab, 1000),
  };
  const socket = lab.open();
  for (let round = 0; round < 5; round++) {
    const workers = [0, 1].map(() => new Worker(worker, { eval: true, workerData }));
    // Both at once: a message that nobody waits for yet is gone.
    t.deepEqual(await Promise.all(workers.map(one => once(one, 'message'))), [[2000], [2000]]);
    await Promise.all(workers.map(one => one.terminate()));
    t.is((await socket.links()).length, 3);
  }
});

test('a socket that is forgotten unclosed is cleaned up, and leaves no file open', async t => {
  const lab = await createRouteLab(t, 0);
  const { readdirSync } = await import('node:fs');
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const openFiles = () => readdirSync('/proc/self/fd').length;
  const before = openFiles();
  for (let number = 0; number < 50; number++) await new RouteSocket({ netns: lab.host.path }).links();
  await eventually('closed files', () => {
    collect();
    return openFiles() <= before + 10;
  });
  t.pass();
});

test('what can not be opened says which path and why', t => {
  const missing = t.throws<NativeError>(() => new RouteSocket({ netns: '/run/netns/no-such' }));
  t.like(missing, { code: 'ENOENT', errno: 2, syscall: 'open' });
  t.regex(missing?.message ?? '', /no-such/);
  t.like(
    t.throws<NativeError>(() => new RouteSocket({ netns: '/proc/self/ns/mnt' })),
    {
      code: 'EINVAL',
      syscall: 'setns',
    },
  );
});

test('wrong arguments are refused by name', t => {
  const socket = new RouteSocket();
  t.teardown(() => socket.close());
  const wrong: (() => unknown)[] = [
    () => socket.apply('bytes' as never),
    () => socket.apply(new Uint16Array(40) as never),
    () => socket.dump({ family: 5 as never, table, protocols: [] }),
    () => socket.dump({ family: 4, table: -1, protocols: [] }),
    () => socket.dump({ family: 4, table, protocols: [256] }),
    () => socket.dump({ family: 4, table, protocols: 70 as never }),
    () => socket.dumpInParts({ family: 4, table, protocols: [70] }, undefined as never),
    () => socket.monitor({ table, protocols: [1.5] }, () => {}),
    () => socket.monitor({ table, protocols: [70] }, undefined as never),
    () => new RouteSocket({ netns: 7 as never }),
    () => new RouteSocket({ receiveBuffer: -1 }),
  ];
  for (const call of wrong) t.throws(() => void call(), { message: /must be/ }, call.toString());
});

test('a malformed record is named by index and field, and nothing of its batch is sent', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const good = route(Operation.create, 4, 1, [lab.nexthop(4, 0)]);
  const spoil: [string, number, number][] = [
    ['length', 0, 63],
    ['operation', 2, 9],
    ['family', 3, 7],
    ['prefixLength', 4, 33],
    ['length', 32, 2],
    ['nexthopCount', 33, 0xff],
    ['nexthops[0].weight', 44, 0],
    ['nexthops[0].weight', 45, 2],
    ['nexthops[0].gatewayFamily', 46, 3],
  ];
  for (const [field, offset, value] of spoil) {
    const bytes = pack(good, good, good).slice();
    bytes[2 * 64 + offset] = value;
    const error = await t.throwsAsync<NativeError>(socket.apply(bytes), undefined, field);
    t.true(error instanceof RangeError);
    t.like(error, { code: 'FLOCK_RECORD_INVALID', index: 2, field });
  }
  t.deepEqual(await ourRoutes(socket, 4), []);
});

test('any bytes are either refused whole or answered record by record', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const valid = pack(
    ...[1, 2, 3].map(number => route(Operation.create, 4, number, [lab.nexthop(4, 0), lab.nexthop(6, 0)])),
  );
  const damage = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), {
    maxLength: 6,
  });
  const damaged = fc.tuple(damage, fc.nat(valid.length)).map(([changes, cut]) => {
    const bytes = valid.slice(0, valid.length - cut);
    for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
    return bytes;
  });
  const check = async (bytes: Uint8Array) => {
    try {
      const result = await socket.apply(bytes);
      return result.length <= bytes.length / 40 && result.every(errno => errno >= 0);
    } catch (error) {
      return (error as NativeError).code === 'FLOCK_RECORD_INVALID';
    }
  };
  await fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged), check), {
    numRuns: 2000,
  });
  t.pass();
});
