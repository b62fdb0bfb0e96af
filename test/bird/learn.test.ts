import test from 'ava';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { everyForm, program } from '../support/program.ts';
import { watchRoutes } from '../support/route-watch.ts';
import { established, fabric, gateways, kernelRoutes, routes, startNode } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

test('a kernel route tagged advertise is announced, in both families; another tag or its deletion withdraws it', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  await startNode(node);
  const { host } = node;
  for (const [destination, via, peer] of [
    [four, '10.1.10.2', '10.0.1.2'],
    [six, 'fd01:10::2', 'fd00:1::2'],
  ] as const) {
    const route = [destination, 'via', via, 'dev', 'pod0', 'metric', '16'];
    const seen = (expected: string[]) =>
      eventually(`${destination} at the router: ${expected}`, async () => {
        return String(await gateways(router, destination)) === String(expected);
      });
    await host.ip('route', 'add', ...route, 'proto', '70');
    await seen([peer]);
    await host.ip('route', 'replace', ...route, 'proto', '71');
    await seen([]);
    t.is((await kernelRoutes(host, destination)).length, 1, 'held: still forwarding');
    await host.ip('route', 'replace', ...route, 'proto', '70');
    await seen([peer]);
    await host.ip('route', 'del', destination, 'proto', '70', 'metric', '16');
    await seen([]);
  }
  t.deepEqual(await gateways(router, '10.244.1.0/24'), ['10.0.1.2'], "the node's own prefix");
  t.deepEqual(await gateways(router, 'fd44:1::/64'), ['fd00:1::2']);
  t.deepEqual(await kernelRoutes(host, '10.244.1.0/24'), [], 'which is never in its own kernel');
});

for (const [form, groups] of Object.entries(everyForm))
  test(`${form}: BIRD refuses nexthops behind host routes as strange, and learns them when they are marked onlink`, async t => {
    const { lab, router, nodes } = await fabric(1);
    t.teardown(() => lab.destroy());
    const [node] = nodes as [(typeof nodes)[0]];
    const { host } = node;
    const hostRoutes = [0, 1].flatMap(pod => [
      `addr flush dev pod${pod} scope global`,
      `route add 10.1.1${pod}.2 dev pod${pod}`,
      `route add fd01:1${pod}::2 dev pod${pod}`,
    ]);
    await host.ipBatch(hostRoutes);
    const bird = await startNode(node);
    const { table, settle } = await program(t, { node: host }, { groups });
    const nexthops = (family: 4 | 6, onlink: boolean) =>
      [0, 1].map(pod => ({
        interface: `pod${pod}`,
        via: family === 4 ? `10.1.1${pod}.2` : `fd01:1${pod}::2`,
        weight: 1,
        onlink,
      }));
    for (const [family, destination, peer] of [
      [4, four, '10.0.1.2'],
      [6, six, 'fd00:1::2'],
    ] as const) {
      if (groups === undefined) {
        table.want(destination, { nexthops: nexthops(family, false) });
        await settle();
        await eventually("BIRD's refusal", () => bird.log.includes(`${destination} with strange next-hop`));
      }
      table.want(destination, { nexthops: nexthops(family, true) });
      await settle();
      await eventually(`${destination} at the router`, async () => {
        return String(await gateways(router, destination)) === peer;
      });
      t.deepEqual([...table.failures()], []);
      t.is(bird.log.includes(`${destination} with strange next-hop`), groups === undefined);
    }
  });

test('two nodes are one ECMP route at the router; a node without a local pod forwards to the other', async t => {
  const { lab, router, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const birds = await Promise.all(nodes.map(node => startNode(node)));
  for (const [prefix, local, peers] of [
    [four, (i: number) => `10.1.${i}0.2`, ['10.0.1.2', '10.0.2.2']],
    [six, (i: number) => `fd01:${i}0::2`, ['fd00:1::2', 'fd00:2::2']],
  ] as const) {
    for (const { host, index } of nodes) {
      await host.ip(
        'route',
        'add',
        prefix,
        'via',
        local(index),
        'dev',
        'pod0',
        'metric',
        '16',
        'proto',
        '70',
      );
    }
    await eventually('both nodes at the router', async () => {
      return String(await gateways(router, prefix)) === String(peers);
    });
    const [first] = nodes as [(typeof nodes)[0]];
    t.deepEqual(
      (await kernelRoutes(first.host, prefix)).map(({ metric, protocol }) => [metric, protocol]),
      [[16, '70']],
      'the BGP path is not beside a local route',
    );
    await first.host.ip('route', 'del', prefix, 'proto', '70', 'metric', '16');
    const [fallback] = await eventually('the BGP path in the node', async () => {
      const found = await kernelRoutes(first.host, prefix);
      return found.length > 0 && found;
    });
    t.is(fallback?.metric, 32);
    t.is(fallback?.protocol, '12', 'proto bird');
    t.is(fallback?.gateway, prefix === four ? '10.0.1.1' : 'fd00:1::1');
    t.deepEqual(await gateways(router, prefix), [peers[1]]);
  }
  t.is(birds.length, 2);
});

test('pods of a node are one multipath, and a foreign route is never announced', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const bird = await startNode(node);
  await node.host.ipBatch([
    'route add 192.0.2.66/32 via 10.1.10.2 proto 66 metric 16',
    'route add 192.0.2.67/32 via 10.1.10.2 proto static metric 16',
    'route add 192.0.2.68/32 via 10.1.10.2',
    'route add 192.0.2.69/32 via 10.1.10.2 proto 71 metric 16',
    'route add 198.51.100.0/24 via 10.1.10.2 proto 70 metric 16',
    'route add 2001:db8::66/128 via fd01:10::2 proto 66 metric 16',
    'route add 2001:db8:66::/64 via fd01:10::2 proto 70 metric 16',
    `route add ${four} proto 70 metric 16 nexthop via 10.1.10.2 dev pod0 nexthop via 10.1.11.2 dev pod1`,
    `route add ${six} proto 70 metric 16 nexthop via fd01:10::2 dev pod0 nexthop via fd01:11::2 dev pod1`,
  ]);
  await eventually('the multipath is announced', async () => (await gateways(router, six)).length === 1);
  const announced = await bird.command('show route export peer_router4');
  t.deepEqual(announced.match(/^[0-9][0-9.]*\/\d+/gm)?.sort(), ['10.244.1.0/24', four]);
  const announced6 = await bird.command('show route export peer_router6');
  t.deepEqual(announced6.match(/^[0-9a-f:]+\/\d+/gm)?.sort(), [six, 'fd44:1::/64']);
  t.is((await bird.command(`show route for ${four}`)).match(/via 10\.1\.1[01]\.2/g)?.length, 2);
  t.is((await bird.command(`show route for ${six}`)).match(/via fd01:1[01]::2/g)?.length, 2);
});

test('routes in a table of their own are announced, and the BGP path still goes to main', async t => {
  const { lab, router, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const own = { ...routes, table: 4242 };
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  await startNode(first, { routes: own });
  await startNode(second, { routes: own });
  for (const { host, index } of nodes) {
    await host.ip(
      'route',
      'add',
      four,
      'via',
      `10.1.${index}0.2`,
      'metric',
      '16',
      'proto',
      '70',
      'table',
      '4242',
    );
  }
  await first.host.ip('route', 'add', '192.0.2.99/32', 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await eventually('both nodes at the router', async () => {
    return String(await gateways(router, four)) === '10.0.1.2,10.0.2.2';
  });
  t.deepEqual(await kernelRoutes(first.host, four), []);
  t.deepEqual(await kernelRoutes(router, '192.0.2.99/32'), [], 'a tag of ours in another table is not ours');
  await first.host.ip('route', 'del', four, 'proto', '70', 'metric', '16', 'table', '4242');
  await eventually('the BGP path in main', async () => {
    return String(await gateways(first.host, four)) === '10.0.1.1';
  });
  t.deepEqual(await kernelRoutes(first.host, four, '4242'), []);
});

test("a router that announces the link's own subnet takes no neighbour's traffic, and no default is lost", async t => {
  const { lab, router, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  await startNode(first);
  await startNode(second, {
    nodeConfig: {
      ...second.nodeConfig,
      advertise: { prefixes: ['fd00:1::/64', '10.0.1.0/24', '10.244.2.0/24'] },
    },
  });
  await eventually(
    'the other prefix',
    async () => (await gateways(first.host, '10.244.2.0/24')).length === 1,
  );
  for (const subnet of ['fd00:1::/64', '10.0.1.0/24']) {
    t.deepEqual(
      (await kernelRoutes(first.host, subnet)).map(route => route.protocol),
      ['2'],
      subnet,
    );
  }
  t.is((await kernelRoutes(router, '10.244.2.0/24')).length, 1);
});

test('without kernelExport no BGP route reaches the kernel', async t => {
  const { lab, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  await startNode(second);
  const bird = await startNode(first, { kernelExport: false });
  await eventually('the route in BIRD', async () => {
    return (await bird.command('show route')).includes('10.244.2.0/24');
  });
  await first.host.ip('route', 'add', four, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await eventually('still announces', async () => (await gateways(second.host, four)).length === 1);
  t.deepEqual(await kernelRoutes(first.host, '10.244.2.0/24'), []);
});

test('while a BIRD crashes and recovers (-R), the router keeps its routes and the kernel forwards', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const bird = await startNode(node);
  await node.host.ip('route', 'add', four, 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await node.host.ip('route', 'add', six, 'via', 'fd01:10::2', 'metric', '16', 'proto', '70');
  for (const prefix of [four, six]) {
    await eventually(prefix, async () => (await gateways(router, prefix)).length === 1);
  }
  const watch = watchRoutes(router, [12]);
  t.teardown(() => watch.stop());
  await bird.kill();
  const again = await startBird(node.host, { name: 'node1', recover: true });
  await established(again, 2);
  await new Promise(resolve => setTimeout(resolve, 1000));
  for (const prefix of [four, six]) {
    await eventually(prefix, async () => (await gateways(router, prefix)).length === 1);
  }
  t.is((await kernelRoutes(node.host, four)).length, 1);
  // On an idle machine there are none, and the traffic proof counts packets there; here other tests run in parallel.
  t.log(`${watch.seen.length} route events at the router`);
  await node.host.ip('route', 'del', four, 'proto', '70', 'metric', '16');
  await eventually('the withdrawal', async () => (await gateways(router, four)).length === 0);
});
