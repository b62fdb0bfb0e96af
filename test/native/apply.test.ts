import test from 'ava';
import { createRouteLab, destination, gateway, Operation, ourRoutes, pack, route } from './route-lab.ts';

const { none, create, replace } = Operation;

/** What `ip -json route` says of a route's nexthops, ours in the same words. */
interface IpRoute {
  dst: string;
  gateway?: string;
  via?: { host: string };
  dev?: string;
  flags: string[];
  nexthops?: { gateway?: string; via?: { host: string }; dev: string; weight: number; flags: string[] }[];
}

for (const family of [4, 6] as const) {
  const via = (pod: number) => (family === 4 ? `10.0.${pod}.2` : `fd00:${pod || ''}::2`.replace(':::', '::'));
  const prefix = family === 4 ? '198.18.0.1' : '2001:db8::1';

  for (const count of [1, 2, 8]) {
    test(`IPv${family}: a route with ${count} nexthops reads back as it was written, by ip and by dump`, async t => {
      const lab = await createRouteLab(t, 8);
      const socket = lab.open();
      const nexthops = Array.from({ length: count }, (_, pod) =>
        lab.nexthop(family, pod, count === 1 ? 1 : pod + 1),
      );
      const result = await socket.apply(pack(route(create, family, 1, nexthops)));
      t.deepEqual([...result], [0]);
      t.is(result.messages.size, 0);
      const [seen] = await lab.host.ipJson<IpRoute[]>(`-${family}`, 'route', 'show', 'proto', '70');
      t.is(seen?.dst, prefix);
      const told = seen?.nexthops ?? [{ gateway: seen?.gateway, dev: seen?.dev, weight: 1 }];
      t.deepEqual(
        told.map(({ gateway, dev, weight }) => ({ gateway, dev, weight })),
        nexthops.map(({ weight }, pod) => ({ gateway: via(pod), dev: `p${pod}`, weight: weight as number })),
      );
      t.deepEqual(await ourRoutes(socket, family), [route(none, family, 1, nexthops)]);
    });
  }

  test(`IPv${family}: replace goes from one nexthop to many and back, and delete removes all`, async t => {
    const lab = await createRouteLab(t, 3);
    const socket = lab.open();
    const all = [0, 1, 2].map(pod => lab.nexthop(family, pod));
    const steps = [
      [create, all.slice(0, 1)],
      [replace, all],
      [replace, all.slice(1)],
      [replace, all.slice(2)],
    ] as const;
    for (const [operation, nexthops] of steps) {
      t.deepEqual([...(await socket.apply(pack(route(operation, family, 1, [...nexthops]))))], [0]);
      t.deepEqual(await ourRoutes(socket, family), [route(none, family, 1, [...nexthops])]);
    }
    await socket.apply(pack(route(replace, family, 1, all)));
    t.deepEqual([...(await socket.apply(pack(route(Operation.delete, family, 1, all))))], [0]);
    t.deepEqual(await ourRoutes(socket, family), []);
  });

  test(`IPv${family}: a change of the protocol number alone is a replace`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    const nexthops = [lab.nexthop(family, 0)];
    const result = await socket.apply(
      pack(route(create, family, 1, nexthops), route(replace, family, 1, nexthops, { protocol: 71 })),
    );
    t.deepEqual([...result], [0, 0]);
    t.deepEqual(await ourRoutes(socket, family, [70, 71]), [
      route(none, family, 1, nexthops, { protocol: 71 }),
    ]);
  });

  test(`IPv${family}: nexthops in any order are read back in canonical order`, async t => {
    const lab = await createRouteLab(t, 4);
    const socket = lab.open();
    // Written by ip, so that the kernel holds them in this order.
    await lab.host.ip(
      ...`-${family} route add ${prefix} proto 70 metric 16`.split(' '),
      ...[2, 0, 3, 1].flatMap(pod => ['nexthop', 'via', via(pod), 'dev', `p${pod}`]),
    );
    const nexthops = [0, 1, 2, 3].map(pod => lab.nexthop(family, pod));
    t.deepEqual(await ourRoutes(socket, family), [route(none, family, 1, nexthops)]);
  });

  test(`IPv${family}: a route through a nexthop group is written and read by the group's number`, async t => {
    const lab = await createRouteLab(t, 2);
    const socket = lab.open();
    await lab.host.ipBatch([
      `nexthop add id 11 via ${via(0)} dev p0`,
      `nexthop add id 12 via ${via(1)} dev p1`,
      'nexthop add id 20 group 11/12',
    ]);
    const result = await socket.apply(pack(route(create, family, 1, [], { nexthopGroup: 20 })));
    t.deepEqual([...result], [0]);
    const nexthops = [0, 1].map(pod => lab.nexthop(family, pod));
    t.deepEqual(await ourRoutes(socket, family), [route(none, family, 1, nexthops, { nexthopGroup: 20 })]);
  });
}

test('IPv4 goes through IPv6 gateways, alone and mixed', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  const mixed = [lab.nexthop(4, 0), lab.nexthop(6, 1)];
  const result = await socket.apply(
    pack(route(create, 4, 1, [lab.nexthop(6, 0)]), route(create, 4, 2, mixed)),
  );
  t.deepEqual([...result], [0, 0]);
  t.deepEqual(await ourRoutes(socket, 4), [route(none, 4, 1, [lab.nexthop(6, 0)]), route(none, 4, 2, mixed)]);
});

test('a gateway off the link needs the onlink flag, and a table beyond 255 its own attribute', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  for (const family of [4, 6] as const) {
    const off = { ...lab.nexthop(family, 0), gateway: gateway(family, 200) };
    const onlink = { ...off, flags: 4 };
    const elsewhere = { table: 10_000 };
    const result = await socket.apply(
      pack(
        route(create, family, 1, [off]),
        route(create, family, 1, [onlink]),
        route(create, family, 1, [lab.nexthop(family, 0)], elsewhere),
      ),
    );
    t.deepEqual([...result], [family === 4 ? 101 : 113, 0, 0]);
    t.deepEqual(await ourRoutes(socket, family), [route(none, family, 1, [onlink])]);
  }
});

test('a route with very many nexthops is written and read', async t => {
  const lab = await createRouteLab(t, 1);
  const socket = lab.open();
  const nexthops = Array.from({ length: 1500 }, (_, number) => ({
    interfaceIndex: lab.interfaces[0] as number,
    gateway: Uint8Array.of(10, 0, 0, 2),
    weight: 1 + (number % 256),
    flags: 0,
  }));
  t.deepEqual([...(await socket.apply(pack(route(create, 4, 1, nexthops))))], [0]);
  const [seen] = await ourRoutes(socket, 4);
  t.is(seen?.nexthops.length, 1500);
});

test('unreachable and prohibit routes have no nexthop', async t => {
  const lab = await createRouteLab(t, 0);
  const socket = lab.open();
  const result = await socket.apply(
    pack(route(create, 4, 1, [], { type: 7 }), route(create, 4, 2, [], { type: 8 })),
  );
  t.deepEqual([...result], [0, 0]);
  t.deepEqual(
    (await ourRoutes(socket, 4)).map(({ type, destination: address }) => [type, address]),
    [
      [7, destination(4, 1)],
      [8, destination(4, 2)],
    ],
  );
});
