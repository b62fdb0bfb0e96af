import test, { type ExecutionContext } from 'ava';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { readRoutes } from '../../lib/kernel/socket/route-record.ts';
import type { KernelChanges, MonitorOptions } from '../../lib/kernel/socket/route-socket.ts';
import { eventually } from '../support/lab.ts';
import {
  createRouteLab,
  destination,
  metric,
  Operation,
  pack,
  plainNode,
  protocol,
  type RouteLab,
  route,
  table,
} from './route-lab.ts';

/** Listens and keeps everything that was said. */
function listen(t: ExecutionContext, lab: RouteLab, options: Partial<MonitorOptions> = {}) {
  const socket = lab.open();
  const calls: KernelChanges[] = [];
  const monitor = socket.monitor({ table, protocols: [protocol], ...options }, changes =>
    calls.push(changes),
  );
  t.teardown(() => monitor.stop());
  return {
    socket,
    monitor,
    calls,
    routes: () => calls.flatMap(({ routes }) => [...readRoutes(routes)]),
    links: () => calls.flatMap(({ links }) => links),
    addresses: () => calls.flatMap(({ addresses }) => addresses),
  };
}

for (const family of [4, 6] as const) {
  const prefix = family === 4 ? '198.18.0.1/32' : '2001:db8::1/128';
  const via = family === 4 ? '10.0.0.2' : 'fd00::2';

  test(`IPv${family}: what others do to routes of our protocol is told, of other protocols not`, async t => {
    const lab = await createRouteLab(t, 1);
    const heard = listen(t, lab);
    const foreign = family === 4 ? '198.18.0.9/32' : '2001:db8::9/128';
    await lab.host.ip('route', 'add', foreign, 'via', via, 'dev', 'p0', 'proto', '99', 'metric', '16');
    await lab.host.ip('route', 'add', prefix, 'via', via, 'dev', 'p0', 'proto', '70', 'metric', '16');
    await lab.host.ip(`-${family}`, 'route', 'del', prefix, 'proto', '70', 'metric', '16');
    await eventually('the deletion', () => heard.routes().length === 2);
    t.deepEqual(heard.routes(), [
      route(Operation.replace, family, 1, [lab.nexthop(family, 0)]),
      route(Operation.delete, family, 1, [lab.nexthop(family, 0)]),
    ]);
  });

  test(`IPv${family}: what this socket does is not told`, async t => {
    const lab = await createRouteLab(t, 1);
    const heard = listen(t, lab);
    const batch = new RouteBatch();
    for (let number = 0; number < 2000; number++) {
      batch.add(route(Operation.create, family, number, [lab.nexthop(family, 0)]));
    }
    await heard.socket.apply(batch.bytes());
    await heard.socket.apply(pack(route(Operation.delete, family, 1)));
    await lab.open().apply(pack(route(Operation.delete, family, 2)));
    await eventually('the other socket’s deletion', () => heard.routes().length > 0);
    t.deepEqual(
      heard.routes().map(({ destination: address }) => address),
      [destination(family, 2)],
    );
    t.false(heard.calls.some(({ overrun }) => overrun));
  });

  test(`IPv${family}: with a metric given, a foreign route that took our key is told`, async t => {
    const lab = await createRouteLab(t, 1);
    const heard = listen(t, lab, { metric });
    await heard.socket.apply(pack(route(Operation.create, family, 1, [lab.nexthop(family, 0)])));
    const other = [prefix, 'via', via, 'dev', 'p0', 'proto', '99', 'metric'];
    await lab.host.ip('route', 'add', ...other, '15');
    await lab.host.ip('route', 'replace', ...other, '16');
    await eventually('the replacement', () => heard.routes().length > 0);
    t.deepEqual(
      heard.routes().map(seen => [seen.protocol, seen.metric]),
      [[99, metric]],
    );
  });
}

test('a deleted interface is told, with the IPv4 route that it took along not mentioned by the kernel', async t => {
  const lab = await createRouteLab(t, 2);
  const heard = listen(t, lab);
  const nexthops = [lab.nexthop(4, 0), lab.nexthop(4, 1)];
  await heard.socket.apply(pack(route(Operation.create, 4, 1, nexthops)));
  await lab.host.ip('link', 'del', 'p0');
  const gone = await eventually('the link to go', () =>
    heard.links().find(({ name, gone }) => name === 'p0' && gone),
  );
  t.is(gone.index, lab.interfaces[0] as number);
  t.deepEqual(heard.routes(), []);
  t.is((await heard.socket.dump({ family: 4, table, protocols: [protocol] })).length, 0);
});

test('an interface that leaves a bridge is not gone', async t => {
  const lab = await createRouteLab(t, 1);
  await lab.host.ipBatch(['link add br0 type bridge', 'link set p0 master br0']);
  const heard = listen(t, lab);
  await lab.host.ipBatch(['link set p0 nomaster', 'link set p0 down', 'link set p0 up']);
  await eventually('the interface to be up again', () => {
    const seen = heard.links().filter(({ name }) => name === 'p0');
    return seen.some(({ flags }) => (flags & 1) === 0) && ((seen.at(-1)?.flags ?? 0) & 1) === 1;
  });
  t.false(heard.links().some(({ gone }) => gone));
});

test('a local address that comes or goes is told, though no route and no link is', async t => {
  const lab = await createRouteLab(t, 1);
  const heard = listen(t, lab);
  await lab.host.ip('addr', 'del', '10.0.0.1/24', 'dev', 'p0');
  await lab.host.ip('addr', 'add', 'fd00:99::1/64', 'dev', 'p0', 'nodad');
  await eventually('two addresses', () => heard.addresses().length >= 2);
  const [removed] = heard.addresses();
  t.deepEqual(removed, {
    index: lab.interfaces[0] as number,
    address: Uint8Array.of(10, 0, 0, 1),
    prefixLength: 24,
    gone: true,
  });
  t.like(heard.addresses().at(-1), { prefixLength: 64, gone: false });
});

test('what does not fit the receive buffer is told as an overrun, and the monitor goes on', async t => {
  const lab = await createRouteLab(t, 1);
  const heard = listen(t, lab, { receiveBuffer: 1 });
  const other = lab.open();
  const nexthops = [lab.nexthop(4, 0)];
  const [created, deleted] = [Operation.create, Operation.delete].map(operation => {
    const batch = new RouteBatch();
    for (let number = 0; number < 5000; number++) batch.add(route(operation, 4, number, nexthops));
    return batch.bytes();
  }) as [Uint8Array, Uint8Array];
  // The monitor's thread may keep up for a while, so until it does not.
  await eventually('the overrun', async () => {
    await Promise.all([other.apply(created), other.apply(deleted)]);
    return heard.calls.some(({ overrun }) => overrun);
  });
  const before = heard.calls.length;
  await lab.host.ip('route', 'add', '198.18.0.1/32', 'via', '10.0.0.2', 'proto', '70', 'metric', '16');
  await t.notThrowsAsync(() =>
    eventually('the route after it', () => heard.calls.slice(before).some(({ routes }) => routes.length > 0)),
  );
});

test('while JavaScript is busy, changes gather into one call', async t => {
  const lab = await createRouteLab(t, 1);
  const heard = listen(t, lab);
  const other = lab.open();
  const calls: number[] = [];
  // On a busy machine the thread that listens may come when JavaScript is idle again: then for longer.
  for (const [round, busyMs] of [50, 500, 5000, 20_000].entries()) {
    heard.calls.length = 0;
    const created = Array.from({ length: 5 }, (_, number) =>
      pack(route(Operation.create, 4, round * 5 + number, [lab.nexthop(4, 0)])),
    );
    // Small batches are sent before apply returns, so all of this is within one turn of the event loop.
    for (const bytes of created) void other.apply(bytes);
    const until = performance.now() + busyMs;
    while (performance.now() < until);
    await eventually('all five', () => heard.routes().length === 5);
    calls.push(heard.calls.length);
    if (calls.at(-1) === 1) break;
  }
  t.is(calls.at(-1), 1, `${calls}`);
});

test('a stopped monitor is silent, and can be stopped again, also from its own callback', async t => {
  const lab = await createRouteLab(t, 2);
  const socket = lab.open();
  let calls = 0;
  const monitor = socket.monitor({ table, protocols: [protocol] }, () => {
    calls++;
    monitor.stop();
  });
  const heard = listen(t, lab);
  await lab.host.ip('link', 'set', 'p0', 'down');
  await lab.host.ip('link', 'set', 'p1', 'down');
  await eventually('both', () => heard.links().some(({ name, flags }) => name === 'p1' && (flags & 1) === 0));
  monitor.stop();
  t.is(calls, 1);
});

test('what a callback throws is an uncaught exception of the program', async t => {
  const lab = await createRouteLab(t, 0);
  const program = `
    import { RouteSocket } from './lib/kernel/socket/route-socket.ts';
    const socket = new RouteSocket();
    process.on('uncaughtException', ({ message }) => {
      console.log(message);
      void socket.close();
    });
    socket.monitor({ table: 254, protocols: [70] }, () => {
      throw new Error('thrown in the callback');
    });
    (await import('node:child_process')).execFileSync('ip', ['addr', 'add', '10.9.9.9/32', 'dev', 'lo']);
  `;
  const output = await lab.host.exec(...plainNode, '--input-type=module', '--eval', program);
  t.is(output, 'thrown in the callback\n');
});
