/** How BIRD handles routes through nexthop groups. */
import test from 'ava';
import { eventually } from '../support/lab.ts';
import { fabric, gateways, startNode } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

for (const type of ['mpath', 'resilient']) {
  test(`routes through ${type} groups are announced in both families, and follow the group`, async t => {
    const { lab, router, nodes } = await fabric(1);
    t.teardown(() => lab.destroy());
    const [node] = nodes as [(typeof nodes)[0]];
    const bird = await startNode(node);
    const { host } = node;
    const [ofFour, ofSix] = ['1/2', '3/4'].map(
      members => `group ${members} type ${type}${type === 'resilient' ? ' buckets 64' : ''} proto 70`,
    );
    await host.ipBatch([
      'nexthop add id 1 via 10.1.10.2 dev pod0 proto 70',
      'nexthop add id 2 via 10.1.11.2 dev pod1 proto 70',
      'nexthop add id 3 via fd01:10::2 dev pod0 proto 70',
      'nexthop add id 4 via fd01:11::2 dev pod1 proto 70',
      `nexthop add id 14 ${ofFour}`,
      `nexthop add id 16 ${ofSix}`,
      `route add ${four} nhid 14 metric 16 proto 70`,
      `route add ${six} nhid 16 metric 16 proto 70`,
    ]);
    for (const prefix of [four, six]) {
      await eventually(`${prefix} at the router`, async () => (await gateways(router, prefix)).length === 1);
      t.is((await bird.command(`show route ${prefix}`)).match(/\tvia /g)?.length, 2);
    }
    await host.ipBatch([
      `nexthop replace id 14 group 1 type ${type} proto 70`,
      `nexthop replace id 16 group 3 type ${type} proto 70`,
    ]);
    for (const prefix of [four, six]) {
      await eventually(
        'BIRD to have the new nexthops',
        async () => (await bird.command(`show route ${prefix}`)).match(/\tvia /g)?.length === 1,
      );
    }
  });
}

test('with nexthop_compat_mode=0 BIRD announces nothing, which is why the agent refuses it', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  await node.host.sysctl({ 'net.ipv4.nexthop_compat_mode': 0 });
  await startNode(node);
  await node.host.ipBatch([
    'nexthop add id 1 via 10.1.10.2 dev pod0 proto 70',
    'nexthop add id 14 group 1 proto 70',
    `route add ${four} nhid 14 metric 16 proto 70`,
    'route add 192.0.2.54/32 via 10.1.10.2 metric 16 proto 70',
  ]);
  await eventually('the other', async () => (await gateways(router, '192.0.2.54/32')).length === 1);
  t.deepEqual(await gateways(router, four), []);
});
