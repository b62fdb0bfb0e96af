import test from 'ava';
import { systemClock } from '../../../lib/base/clock.ts';
import { findShadows } from '../../../lib/kernel/lookups/shadows.ts';
import { LinkTable } from '../../../lib/kernel/socket/link-table.ts';
import { RouteSocket } from '../../../lib/kernel/socket/route-socket.ts';
import { createNodeLab, routesOf } from '../../support/node-lab.ts';
import { advertise, program } from '../../support/program.ts';

for (const [family, destination] of [
  [4, '192.0.2.1/32'],
  [6, '2001:db8::1/128'],
] as const) {
  test(`IPv${family}: what forwards instead of ours is found; ours alone is no shadow`, async t => {
    const lab = await createNodeLab(t, 3);
    const { table, settle } = await program(t, lab);
    table.want(destination, { nexthops: [lab.nexthop(0, family), lab.nexthop(1, family)] });
    await settle();
    const socket = new RouteSocket({ netns: lab.node.path });
    t.teardown(() => socket.close());
    const links = new LinkTable();
    links.replace(await socket.links());
    const shadows = () => findShadows(socket, table.beliefs.announcedRoutes(), links);
    t.deepEqual(await shadows(), []);

    const better = [destination, 'via', lab.nexthop(2, family).via, 'metric', '5'];
    await lab.node.ip('route', 'add', ...better);
    t.deepEqual(await shadows(), [{ destination, towards: 'interface p2' }]);
    await lab.node.ip('route', 'del', ...better);

    await lab.node.ip('addr', 'add', destination, 'dev', 'lo');
    t.deepEqual(await shadows(), [{ destination, towards: 'an address of this node itself' }]);
    await lab.node.ip('addr', 'del', destination, 'dev', 'lo');
    t.deepEqual(await shadows(), []);
  });
}

test('a look that takes long holds no pass up', async t => {
  const lab = await createNodeLab(t, 1);
  let looks = 0;
  const { table, programmer, settle } = await program(t, lab, {
    through: socket => ({
      apply: batch => socket.apply(batch),
      dumpInParts: (filter, take) => socket.dumpInParts(filter, take),
      links: () => socket.links(),
      lookup() {
        looks++;
        return new Promise(() => {});
      },
      nexthopObjects: () => socket.nexthopObjects(),
      monitor: (options, callback) => socket.monitor(options, callback),
    }),
  });
  table.want('192.0.2.1/32', { nexthops: [lab.nexthop(0)] });
  await settle();
  await new Promise<void>(resolve => systemClock.after(programmer.nextDeadline - systemClock.now(), resolve));
  table.want('192.0.2.2/32', { nexthops: [lab.nexthop(0)] });
  await settle();
  t.is(looks, 1);
  t.deepEqual(
    (await routesOf(lab.node, advertise)).map(({ destination }) => destination),
    ['192.0.2.1/32', '192.0.2.2/32'],
  );
});

test('what changes while it is looked at is no shadow, and the next look tells', async t => {
  const lab = await createNodeLab(t, 2);
  const { table, settle } = await program(t, lab);
  const want = (index: number) => table.want('192.0.2.1/32', { nexthops: [lab.nexthop(index)] });
  want(0);
  await settle();
  const socket = new RouteSocket({ netns: lab.node.path });
  t.teardown(() => socket.close());
  const links = new LinkTable();
  links.replace(await socket.links());
  const shadows = await findShadows(
    {
      async lookup(addresses) {
        const before = await socket.lookup(addresses);
        want(1);
        await settle();
        return before;
      },
    },
    table.beliefs.announcedRoutes(),
    links,
  );
  t.deepEqual(shadows, []);
});
