import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { outcomeUnknown } from '../../lib/kernel/native.ts';
import { RouteBatch } from '../../lib/kernel/route-record.ts';
import { createRouteLab, gateway, Operation, ourRoutes, pack, plainNode, route } from './route-lab.ts';

const ESRCH = 3;
const EEXIST = 17;
const ENODEV = 19;
const EINVAL = 22;
const ENETUNREACH = 101;
const EHOSTUNREACH = 113;

test('errors among 5,000 requests are told of the requests that failed, and of no other', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  const batch = new RouteBatch();
  const expected: number[] = [];
  const add = (record: Parameters<RouteBatch['add']>[0], errno: number) => {
    batch.add(record);
    expected.push(errno);
  };
  for (let number = 0; number < 5000; number++) {
    const family = number % 2 === 0 ? 4 : 6;
    const good = lab.nexthop(family, 0);
    const unreachable = { ...good, gateway: gateway(family, 99) };
    if (number % 97 === 13)
      add(route(Operation.create, family, number, [unreachable]), family === 4 ? ENETUNREACH : EHOSTUNREACH);
    else if (number % 101 === 50) add(route(Operation.delete, family, number), ESRCH);
    else if (number % 103 === 7 && family === 6)
      add(route(Operation.create, family, number, [{ ...good, interfaceIndex: 9999 }]), ENODEV);
    else if (number % 107 === 3 && family === 4)
      add(route(Operation.create, family, number, [good], { prefixLength: 8 }), EINVAL);
    else add(route(Operation.create, family, number, [good]), 0);
  }
  const result = await socket.apply(batch.bytes());
  const wrong = expected.flatMap((errno, index) =>
    result[index] === errno ? [] : [{ index, errno, got: result[index] }],
  );
  t.deepEqual(wrong, []);
  const gateways = expected.flatMap((errno, index) => (errno === ENETUNREACH ? [index] : []));
  t.true(gateways.length > 20);
  for (const index of gateways) t.is(result.messages.get(index), 'Nexthop has invalid gateway');
  for (const index of result.messages.keys()) t.not(expected[index], 0);
  const programmed = [...(await ourRoutes(socket, 4)), ...(await ourRoutes(socket, 6))];
  t.is(programmed.length, expected.filter(errno => errno === 0).length);
});

test('4,000 failures into the smallest receive buffer lose no outcome', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open({ receiveBuffer: 1 });
  t.true(socket.receiveBuffer < 5000);
  const batch = new RouteBatch();
  for (let number = 0; number < 4000; number++) {
    batch.add(
      route(Operation.create, 4, number, [{ ...lab.nexthop(4, 0), gateway: Uint8Array.of(10, 9, 9, 9) }]),
    );
  }
  const result = await socket.apply(batch.bytes());
  t.true(result.every(errno => errno === ENETUNREACH));
  t.is(result.messages.size, 4000);
});

test('4,000 failures into the default receive buffer lose no outcome either', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const nexthops = [lab.nexthop(6, 0)];
  const batch = new RouteBatch();
  for (let number = 0; number < 4000; number++) batch.add(route(Operation.create, 6, number, nexthops));
  t.true((await socket.apply(batch.bytes())).every(errno => errno === 0));
  t.true((await socket.apply(batch.bytes())).every(errno => errno === EEXIST));
});

/**
 * Shrinks the receive buffers of this process's netlink sockets behind the addon's back, as nothing but another
 * program with pidfd_getfd(2) could: the window was chosen for the buffer that was granted.
 */
const shrink = `
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
pidfd = libc.syscall(434, pid, 0)
for name in os.listdir(f"/proc/{pid}/fd"):
    try:
        if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"): continue
    except OSError: continue
    number = libc.syscall(438, pidfd, int(name), 0)
    if number < 0: sys.exit("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
    taken = socket.socket(fileno=number)
    if taken.family == socket.AF_NETLINK: taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
`;

test.serial('where replies are lost, outcomes are unknown, and the next batch is told right', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  await promisify(execFile)('python3', ['-c', shrink, String(process.pid)]);
  const batch = new RouteBatch();
  const bad = [{ ...lab.nexthop(4, 0), gateway: Uint8Array.of(10, 9, 9, 9) }];
  for (let number = 0; number < 200; number++) {
    batch.add(route(Operation.create, 4, number, number < 100 ? bad : [lab.nexthop(4, 0)]));
  }
  const result = await socket.apply(batch.bytes());
  const told = result.indexOf(outcomeUnknown);
  t.true(told > 0 && told < 100);
  t.true(result.subarray(0, told).every(errno => errno === ENETUNREACH));
  t.true(result.subarray(told).every(errno => errno === outcomeUnknown));
  t.is((await ourRoutes(socket, 4)).length, 100);
  const next = await socket.apply(pack(route(Operation.delete, 4, 150), route(Operation.delete, 4, 5)));
  t.deepEqual([...next], [0, ESRCH]);
});

test('without the privilege, reading works and every request is refused by itself', async t => {
  const lab = await createRouteLab(t, 1);
  const program = `
    import { RouteSocket } from './lib/kernel/native.ts';
    const socket = new RouteSocket();
    const links = await socket.links();
    const result = await socket.apply(new Uint8Array(Buffer.from(process.argv[1], 'base64')));
    console.log(JSON.stringify({ links: links.length, result: [...result], buffer: socket.receiveBuffer }));
  `;
  const bytes = pack(
    route(Operation.create, 4, 1, [lab.nexthop(4, 0)]),
    route(Operation.create, 6, 1, [lab.nexthop(6, 0)]),
  );
  const output = await lab.host.exec(
    'setpriv',
    '--bounding-set=-net_admin',
    '--inh-caps=-net_admin',
    ...plainNode,
    '--input-type=module',
    '--eval',
    program,
    Buffer.from(bytes).toString('base64'),
  );
  const { links, result, buffer } = JSON.parse(output) as { links: number; result: number[]; buffer: number };
  t.is(links, 3);
  t.deepEqual(result, [1, 1]);
  t.true(buffer > 0);
});
