/**
 * Routes that forward instead of ours: one of a better metric at the same prefix, a policy rule, an address of
 * this node itself. Then pods get nothing, and BIRD, which learns only the best route, announces nothing.
 *
 * The kernel is asked where it would send a packet; what is not one of our nexthops is somebody else's doing.
 */
import { addressOf, type Destination } from '../address.ts';
import type { LinkTable } from './link-table.ts';
import type { RouteAnswer, RouteSocket } from './native.ts';
import { hasNexthop } from './nexthops.ts';

/** A destination that something else forwards, and where to. */
export interface Shadow {
  destination: Destination;
  /** Where packets go instead, in words. */
  towards: string;
}

/** `RTN_LOCAL` of rtnetlink(7). */
const local = 2;

/**
 * @param announced destinations with their packed nexthops, as programmed
 * @returns those that are forwarded elsewhere
 */
export async function findShadows(
  socket: Pick<RouteSocket, 'lookup'>,
  announced: readonly { destination: Destination; nexthops: Uint8Array }[],
  links: LinkTable,
): Promise<Shadow[]> {
  if (announced.length === 0) return [];
  const answers = await socket.lookup(announced.map(({ destination }) => addressOf(destination).bytes));
  return announced.flatMap(({ destination, nexthops }, index) => {
    const answer = answers[index];
    // No way at all is no shadow: the route has just gone, and that is told otherwise.
    if (answer === undefined || answer.errno !== 0 || isOurs(answer, nexthops)) return [];
    return [{ destination, towards: describeAnswer(answer, links) }];
  });
}

function isOurs({ type, interfaceIndex, gateway }: RouteAnswer, nexthops: Uint8Array): boolean {
  return type !== local && gateway !== undefined && hasNexthop(nexthops, interfaceIndex, gateway);
}

function describeAnswer({ type, interfaceIndex }: RouteAnswer, links: LinkTable): string {
  return type === local ? 'an address of this node itself' : `interface ${links.nameOf(interfaceIndex)}`;
}
