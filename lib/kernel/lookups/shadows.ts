/**
 * Shadows: routes that forward instead of ours. A route of a better metric at the same prefix, a policy rule, or an
 * address of this node. Then pods get nothing, and BIRD, which learns only the best route, announces nothing.
 *
 * The kernel is asked where it would send a packet; an answer that is not one of our nexthops is another owner's route.
 * A look-up takes some microseconds a destination: they are made in chunks beside the passes, and delay none.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Destination } from '../../base/address.ts';
import type { LinkTable } from '../socket/link-table.ts';
import { hasNexthop } from '../socket/nexthops.ts';
import { RouteType } from '../socket/record-layout.ts';
import type { RouteAnswer, RouteSocket } from '../socket/route-socket.ts';
import type { AnnouncedRoute } from '../state/route-entry.ts';

/** A destination that another route forwards, and where to. */
export interface Shadow {
  destination: Destination;
  /** Where packets go instead, in words. */
  towards: string;
}

interface Suspect extends Shadow {
  route: AnnouncedRoute;
}

/** Addresses in one look-up: the event loop handles their answers within a millisecond. */
const chunk = 256;
/** A route may be in the middle of a change when it is looked up: looked up again after this long, in milliseconds. */
const confirmAfterMs = 250;

/**
 * @param announced as programmed
 * @param signal ends it early
 * @returns those that are forwarded elsewhere, and stay so
 */
export async function findShadows(
  socket: Pick<RouteSocket, 'lookup'>,
  announced: readonly AnnouncedRoute[],
  links: LinkTable,
  signal?: AbortSignal,
): Promise<Shadow[]> {
  const suspects = await findSuspects(socket, announced, links);
  if (suspects.length === 0) return [];
  await pause(confirmAfterMs, undefined, { ...(signal && { signal }) });
  const routes = suspects.map(({ route }) => route);
  const still = await findSuspects(socket, routes, links);
  return still.map(({ destination, towards }) => ({ destination, towards }));
}

async function findSuspects(
  socket: Pick<RouteSocket, 'lookup'>,
  routes: readonly AnnouncedRoute[],
  links: LinkTable,
): Promise<Suspect[]> {
  const suspects: Suspect[] = [];
  for (let first = 0; first < routes.length; first += chunk) {
    const some = routes.slice(first, first + chunk);
    const believed = some.map(({ programmed }) => programmed);
    const answers = await socket.lookup(some.map(({ bytes }) => bytes));
    for (const [at, route] of some.entries()) {
      const { destination, programmed } = route;
      const answer = answers[at];
      // If the route has changed meanwhile, the answer may be out of date.
      if (answer === undefined || programmed === undefined || programmed !== believed[at]) continue;
      // No route at all is no shadow: ours has just gone, which the monitor notifies of.
      if (answer.errno !== 0 || isOurs(answer, programmed.nexthops)) continue;
      suspects.push({ route, destination, towards: describeAnswer(answer, links) });
    }
  }
  return suspects;
}

function isOurs({ type, interfaceIndex, gateway }: RouteAnswer, nexthops: Uint8Array): boolean {
  return type !== RouteType.local && gateway !== undefined && hasNexthop(nexthops, interfaceIndex, gateway);
}

function describeAnswer({ type, interfaceIndex }: RouteAnswer, links: LinkTable): string {
  return type === RouteType.local
    ? 'an address of this node itself'
    : `interface ${links.nameOf(interfaceIndex)}`;
}
