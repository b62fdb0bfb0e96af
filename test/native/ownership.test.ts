import test from 'ava';
import { createRouteLab, Operation, ourRoutes, pack, route } from './route-lab.ts';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;

for (const family of [4, 6] as const) {
  const prefix = family === 4 ? '198.18.0.1/32' : '2001:db8::1/128';
  const via = family === 4 ? '10.0.0.2' : 'fd00::2';

  test(`IPv${family}: create leaves a foreign route at the same key alone`, async t => {
    const lab = await createRouteLab(t, 2);
    const socket = lab.open();
    await lab.host.ip('route', 'add', prefix, 'via', via, 'dev', 'p0', 'proto', '99', 'metric', '16');
    const before = await lab.host.ip(`-${family}`, 'route', 'show', 'proto', '99');
    const result = await socket.apply(pack(route(Operation.create, family, 1, [lab.nexthop(family, 1)])));
    t.deepEqual([...result], [EEXIST]);
    t.is(await lab.host.ip(`-${family}`, 'route', 'show', 'proto', '99'), before);
    t.deepEqual(await ourRoutes(socket, family), []);
  });

  test(`IPv${family}: delete takes only what is of its protocol`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    await lab.host.ip('route', 'add', prefix, 'via', via, 'dev', 'p0', 'proto', '99', 'metric', '16');
    t.deepEqual([...(await socket.apply(pack(route(Operation.delete, family, 1))))], [ESRCH]);
    t.not(await lab.host.ip(`-${family}`, 'route', 'show', 'proto', '99'), '');
  });

  test(`IPv${family}: replacing what is gone fails and makes nothing`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    // Beside another route in the same table and one at the same prefix with another metric.
    await lab.host.ip('route', 'add', prefix, 'via', via, 'dev', 'p0', 'proto', '99', 'metric', '17');
    const nexthops = [lab.nexthop(family, 0)];
    const result = await socket.apply(
      pack(route(Operation.replace, family, 1, nexthops), route(Operation.replace, family, 2, nexthops)),
    );
    t.deepEqual([...result], [ENOENT, ENOENT]);
    t.deepEqual(await ourRoutes(socket, family), []);
  });

  test(`IPv${family}: deleting twice is ESRCH the second time`, async t => {
    const lab = await createRouteLab(t, 1);
    const socket = lab.open();
    const gone = route(Operation.delete, family, 1);
    const result = await socket.apply(
      pack(route(Operation.create, family, 1, [lab.nexthop(family, 0)]), gone, gone),
    );
    t.deepEqual([...result], [0, 0, ESRCH]);
  });
}
