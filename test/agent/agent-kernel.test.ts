/** An agent on the kernel here: what that lacks is said in one line, and the routes are there all the same. */
import test from 'ava';
import { ObjectKind, readObjects } from '../../lib/kernel/socket/nexthop-object.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { abilities } from '../support/abilities.ts';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

test('two pods, one after the other, are served through the best groups that the kernel has', async t => {
  const { lab, node } = await createNodeLab(t, 2);
  const files = layOutAgent(lab.dir, { routes: { nexthops: 'resilient' }, bird: { mode: 'filter' } });
  const names = ['first', 'second'];
  writeAllocations(
    files,
    names.map((name, pod) => ({
      namespace: 'default',
      name,
      uid: name,
      hostInterface: `p${pod}`,
      ipv4: `10.1.${pod + 1}.2`,
      ipv6: `fd00:1:${pod + 1}::2`,
      anycast: ['192.0.2.1', '2001:db8::1'],
      state: 'committed',
    })),
  );
  const agent = startAgent(node, files);
  await agent.logged('started');
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  const kinds = async () => {
    const objects = [...readObjects(await socket.nexthopObjects())];
    return [...new Set(objects.map(({ kind }) => kind))].filter(kind => kind !== ObjectKind.nexthop);
  };
  for (const [index, name] of names.entries()) {
    writePod(files, name, { ready: true });
    await eventually(`both routes through ${name} too`, async () => {
      const routes = await routesOf(node, 70);
      return routes.length === 2 && routes.every(({ nexthops }) => nexthops.length === index + 1);
    });
  }
  t.deepEqual(await kinds(), [abilities.resilientGroups ? ObjectKind.resilientGroup : ObjectKind.group]);
  const { heaviestMember, parallelIpv6 } = abilities;
  const lines = agent.lines.filter(({ code }) => code === 'PREFLIGHT_KERNEL');
  t.is(lines.length, heaviestMember < 65_535 || !parallelIpv6 ? 1 : 0);
  t.log(lines.map(({ event }) => event));
});
