import test from 'ava';
import { eventually } from '../support/lab.ts';
import { fabric, gateways, kernelRoutes, startNode } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

test('a kernel route tagged advertise is announced, in both families; another tag or its end withdraws it', async t => {
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
  t.deepEqual(await kernelRoutes(host, '10.244.1.0/24'), [], 'which never enters its own kernel');
});
