/** Nexthop objects that routes of an identity have left behind. */

import { ObjectIds } from '../kernel/groups/object-ids.ts';
import { errnoName } from '../kernel/socket/errno.ts';
import {
  membersOf,
  type NexthopObject,
  ObjectKind,
  ObjectOperation,
  packObject,
  readObjects,
} from '../kernel/socket/nexthop-object.ts';
import { RouteBatch } from '../kernel/socket/route-batch.ts';
import type { NativeError, RouteSocket } from '../kernel/socket/route-socket.ts';

/**
 * Deletes the nexthop objects of a route protocol that no route uses. The kernel would delete routes with their
 * group: those that are used stay.
 *
 * @param protocol that marks the objects, `advertise` of an identity
 * @param used ids of the groups that routes lead through
 * @returns how many are still there
 */
export async function removeIdleObjects(
  socket: RouteSocket,
  protocol: number,
  used: ReadonlySet<number>,
): Promise<number> {
  const ids = new ObjectIds(protocol);
  const ours = (await objectsIn(socket)).filter(each => each.protocol === protocol && ids.contains(each.id));
  const groups = ours.filter(({ kind }) => kind !== ObjectKind.nexthop);
  const members = new Set(
    groups
      .filter(({ id }) => used.has(id))
      .flatMap(membersOf)
      .map(({ id }) => id),
  );
  const idle = [
    ...groups.filter(({ id }) => !used.has(id)),
    ...ours.filter(({ kind, id }) => kind === ObjectKind.nexthop && !members.has(id)),
  ];
  const batch = new RouteBatch();
  for (const object of idle) batch.addPacked(packObject(ObjectOperation.delete, object), 1);
  const outcomes = idle.length === 0 ? [] : [...(await socket.apply(batch.bytes()))];
  const removed = outcomes.filter(errno => errno === 0 || errnoName(errno) === 'ENOENT').length;
  return ours.length - removed;
}

/** Before Linux 5.3 there are none. */
async function objectsIn(socket: RouteSocket): Promise<NexthopObject[]> {
  try {
    return [...readObjects(await socket.nexthopObjects())];
  } catch (error) {
    if ((error as NativeError).code === 'EOPNOTSUPP') return [];
    throw error;
  }
}
