/** Deletes nexthop objects of an identity that no route uses any more. */
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
 * Deletes the nexthop objects of a route protocol that no route uses. Used objects stay: the kernel would delete
 * their routes with them.
 *
 * @param protocol of the objects, `advertise` of an identity
 * @param used ids of the groups that routes use
 * @returns how many objects are still there
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

/** Linux before 5.3 has no nexthop objects. */
async function objectsIn(socket: RouteSocket): Promise<NexthopObject[]> {
  try {
    return [...readObjects(await socket.nexthopObjects())];
  } catch (error) {
    if ((error as NativeError).code === 'EOPNOTSUPP') return [];
    throw error;
  }
}
