import test from 'ava';
import { parseAddress } from '../../lib/base/address.ts';
import type { KernelChanges, NativeError } from '../../lib/kernel/socket/route-socket.ts';
import { destinationOfView, viewRoutes } from '../../lib/kernel/socket/route-view.ts';
import { eventually } from '../support/lab.ts';
import { createRouteLab, table } from './route-lab.ts';

const bytes = (text: string) => parseAddress(text).bytes;
const [unicast, local, blackhole] = [1, 2, 6];

test('each address has its answer, in order: neighbours, gateways, own addresses, refusals and no way', async t => {
  const lab = await createRouteLab(t, 2);
  const [p0, p1] = lab.interfaces as [number, number];
  await lab.host.ipBatch([
    'route add 10.9.0.5 dev p1 scope link',
    'route add fd09::5 dev p1',
    'route add 10.8.0.0/16 via 10.0.0.2',
    'route add fd08::/32 via fd00:0::2',
    'route add unreachable 10.7.0.1',
    'route add blackhole fd07::1',
  ]);
  const answers = await lab
    .open()
    .lookup(
      [
        '10.0.0.2',
        'fd00:1::2',
        '10.9.0.5',
        'fd09::5',
        '10.8.1.1',
        'fd08::1',
        '10.0.0.1',
        'fd00:1::1',
        '10.7.0.1',
        'fd07::1',
        '203.0.113.1',
        '2001:db8:f::1',
      ].map(bytes),
    );
  t.deepEqual(answers.slice(0, 6), [
    { errno: 0, type: unicast, interfaceIndex: p0 },
    { errno: 0, type: unicast, interfaceIndex: p1 },
    { errno: 0, type: unicast, interfaceIndex: p1 },
    { errno: 0, type: unicast, interfaceIndex: p1 },
    { errno: 0, type: unicast, interfaceIndex: p0, gateway: bytes('10.0.0.2') },
    { errno: 0, type: unicast, interfaceIndex: p0, gateway: bytes('fd00:0::2') },
  ]);
  t.deepEqual(
    answers.slice(6, 8).map(({ type }) => type),
    [local, local],
  );
  // IPv4 refuses by an error, IPv6 names the route's type.
  t.is(answers[8]?.errno, 113);
  t.true(answers[9]?.errno === 22 || answers[9]?.type === blackhole, JSON.stringify(answers[9]));
  t.deepEqual(
    answers.slice(10).map(({ errno }) => errno),
    [101, 101],
  );
});

test('thousands of addresses are one call, beside dumps, and none has another’s answer', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  const addresses = Array.from({ length: 5000 }, (_, index) =>
    bytes(`10.0.${index % 2}.${2 + (Math.floor(index / 2) % 250)}`),
  );
  const dump = () => socket.dump({ family: 4, table, protocols: [2] });
  const [answers] = await Promise.all([socket.lookup(addresses), dump(), dump()]);
  t.is(answers.length, addresses.length);
  t.true(answers.every(({ interfaceIndex }, index) => interfaceIndex === lab.interfaces[index % 2]));
  t.deepEqual(await socket.lookup([]), []);
});

test('what is no address is refused by a TypeError, and a closed socket looks nothing up', async t => {
  const lab = await createRouteLab(t, 0);
  const socket = lab.open();
  for (const wrong of [undefined, [1], [new Uint8Array(5)], ['10.0.0.1']]) {
    t.throws(() => socket.lookup(wrong as never), { instanceOf: TypeError });
  }
  await socket.close();
  const error = await t.throwsAsync<NativeError>(socket.lookup([bytes('10.0.0.1')]));
  t.is(error?.code, 'ERR_CLOSED');
});

test('a monitor that asks for host routes hears of them in any table, and of no wider prefix', async t => {
  const lab = await createRouteLab(t, 1);
  const calls: KernelChanges[] = [];
  const monitor = lab
    .open()
    .monitor({ table, protocols: [], hostRoutes: true }, changes => calls.push(changes));
  t.teardown(() => monitor.stop());
  await lab.host.ipBatch([
    'route add 10.9.0.0/24 dev p0',
    'route add fd09::/64 dev p0',
    'route add 10.9.0.5 dev p0 table 1000',
    'route add fd09::5 dev p0',
    'route del fd09::5 dev p0',
  ]);
  // The kernel's own for local addresses may come late, when the interface is up at last.
  const heard = () =>
    calls
      .flatMap(({ routes }) => [...viewRoutes(routes)].map(destinationOfView))
      .filter(prefix => /^(10\.9|fd09)/.test(prefix));
  await eventually('the last of them', () => heard().length >= 3);
  t.deepEqual(heard(), ['10.9.0.5/32', 'fd09::5/128', 'fd09::5/128']);
});
