import test from 'ava';
import { LinkTable } from '../../lib/kernel/link-table.ts';
import { RouteSocket } from '../../lib/kernel/native.ts';
import { findShadows } from '../../lib/kernel/shadows.ts';
import { createNodeLab } from '../support/node-lab.ts';
import { program } from '../support/program.ts';

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
    const shadows = () => findShadows(socket, table.announcedRoutes(), links);
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
