import test from 'ava';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
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
  const explained = [...result.messages.keys()];
  t.deepEqual(
    explained,
    explained.toSorted((a, b) => a - b),
  );
  for (const index of explained) t.not(expected[index], 0);
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

test('without the privilege, reading works and every request is refused by itself', async t => {
  const lab = await createRouteLab(t, 1);
  const program = `
    import { RouteSocket } from './lib/kernel/socket/route-socket.ts';
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
