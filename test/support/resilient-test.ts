import test, { type ImplementationFn } from 'ava';
import {
  ObjectKind,
  ObjectOperation,
  packMembers,
  packObject,
} from '../../lib/kernel/socket/nexthop-object.ts';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { abilities } from './abilities.ts';
import { Lab } from './lab.ts';

/** A test of resilient groups. Where the kernel has none, a test that it refuses one takes its place. */
export function testResilient(title: string, run: ImplementationFn<[]>): void {
  if (abilities.resilientGroups) test(title, run);
  else test(`${title} (this kernel has no resilient groups, and says so)`, refusesResilient);
}

const refusesResilient: ImplementationFn<[]> = async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const host = await lab.namespace('host');
  await host.ip('nexthop', 'add', 'id', '1', 'dev', 'lo');
  await using socket = new RouteSocket({ netns: host.path });
  const groups = [ObjectKind.group, ObjectKind.resilientGroup].map((kind, index) => {
    const nexthops = packMembers([{ id: 1, weight: 1 }]);
    const resilience = { buckets: 64, idleTimer: 100, unbalancedTimer: 0 };
    const object = { kind, id: 2 + index, protocol: 70, family: 0, nexthops, resilience };
    return packObject(ObjectOperation.create, object);
  });
  const batch = new RouteBatch();
  for (const group of groups) batch.addPacked(group, 1);
  t.deepEqual([...(await socket.apply(batch.bytes()))], [0, 22]);
};
