import test from 'ava';
import { takenFor, traitsOf } from '../../lib/bird/versions.ts';
import { birdVersion, startBird } from '../support/bird.ts';
import { eventually, type Namespace } from '../support/lab.ts';
import { established, fabric, gateways, kernelRoutes, rendered } from './fabric.ts';

const prefix = '192.0.2.53/32';
/** As BIRD 2 is configured, but its scans come too late for any test. */
const never = 'scan time 3600;';

test('what a BIRD is given to read follows from its version; while it is not known, any BIRD takes it', t => {
  const versions = ['2.0.12', '2.16', '2.17', '2.17.6', '2.20.0', '3.1.8', '3.4.0', '4.0', undefined];
  const of = (is: (traits: ReturnType<typeof traitsOf>) => boolean) =>
    versions.filter(version => is(traitsOf(version)));
  t.deepEqual(
    of(({ hasNextHopFormat }) => hasNextHopFormat),
    ['2.17', '2.17.6', '2.20.0', '3.1.8', '3.4.0', '4.0'],
  );
  t.deepEqual(
    of(({ scanSeconds, reload }) => scanSeconds === 1 && reload !== 'reload'),
    ['3.1.8', '3.4.0', '4.0'],
  );
});

test('a BIRD newer than any that was tested is taken for the newest that was', t => {
  for (const known of ['2.0.12', '2.20.3', '3.0', '3.4.9', 'odd']) t.is(takenFor(known), undefined);
  t.is(takenFor('2.21.0'), '2.20');
  t.is(takenFor('3.10'), '3.4');
  t.is(takenFor('4.0.1'), '3.4');
});

test("when a node's own route goes, the path to another node comes into its kernel without BIRD 2's scan", async t => {
  const { lab, nodes, router } = await fabric(2);
  t.teardown(() => lab.destroy());
  const [node, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  for (const each of nodes) {
    const config = rendered(each).replaceAll('scan time 10;', never);
    await established(await startBird(each.host, { name: `node${each.index}`, config }), 2);
  }
  const route = ({ host, index }: typeof node, what: 'add' | 'del') =>
    host.ip('route', what, prefix, 'via', `10.1.${index}0.2`, 'metric', '16', 'proto', '70');
  // BIRD gives the ids of its routes anew: with each turn the path gets another one.
  for (let turn = 0; turn < 4; turn++) {
    await route(node, 'add');
    await route(other, 'add');
    await eventually('both at the router', async () => (await gateways(router, prefix)).length === 2);
    await route(node, 'del');
    await eventually(`the path to the other node, turn ${turn}`, () => isInstalled(node.host));
    await route(other, 'del');
    await eventually('no path', async () => (await kernelRoutes(node.host, prefix)).length === 0);
  }
  t.pass();
});

test('BIRD can be asked to read the kernel again', async t => {
  const { lab, nodes, router } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  const config = rendered(node).replaceAll(/scan time \d+;/g, never);
  const bird = await startBird(node.host, { name: 'node1', config });
  await established(bird, 2);
  await node.host.ip('addr', 'add', '10.9.9.1/24', 'dev', 'pod0');
  await node.host.ip(
    'route',
    'add',
    prefix,
    'via',
    '10.1.10.2',
    'src',
    '10.9.9.1',
    'metric',
    '16',
    'proto',
    '70',
  );
  await eventually('the route at the router', async () => (await gateways(router, prefix)).length === 1);
  // The kernel drops the route with the address, and says nothing of it.
  await node.host.ip('addr', 'del', '10.9.9.1/24', 'dev', 'pod0');
  t.is((await kernelRoutes(node.host, prefix)).length, 0);
  await bird.command(`${traitsOf(birdVersion()).reload} 'learn4'`);
  await eventually('no route', async () => (await gateways(router, prefix)).length === 0);
});

async function isInstalled(host: Namespace): Promise<boolean> {
  return (await kernelRoutes(host, prefix)).some(({ protocol }) => protocol === '12');
}
