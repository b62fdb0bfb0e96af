/** A namespace with interfaces to route through, and short ways to say a route. */
import type { ExecutionContext } from 'ava';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import {
  type NexthopRecord,
  Operation,
  type RouteRecord,
  readRoutes,
} from '../../lib/kernel/socket/route-record.ts';
import { RouteSocket, type RouteSocketOptions } from '../../lib/kernel/socket/route-socket.ts';
import { Lab, type Namespace } from '../support/lab.ts';

export const table = 254;
export const protocol = 70;
export const metric = 16;

export interface RouteLab {
  lab: Lab;
  host: Namespace;
  /** Index of `p0`, `p1`, … */
  interfaces: number[];
  /** A nexthop through `p<pod>`, to the address its peer has there. */
  nexthop(family: 4 | 6, pod: number, weight?: number): NexthopRecord;
  open(options?: Omit<RouteSocketOptions, 'netns'>): RouteSocket;
}

/** `p0..p<pods - 1>` with 10.0.N.1/24 and fd00:N::1/64, their peers `q0..` beside them. */
export async function createRouteLab(t: ExecutionContext, pods: number): Promise<RouteLab> {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const host = await lab.namespace('host');
  const all = Array.from({ length: pods }, (_, pod) => pod);
  await host.ipBatch(
    all.flatMap(pod => [
      `link add p${pod} type veth peer name q${pod}`,
      `addr add 10.0.${pod}.1/24 dev p${pod}`,
      `addr add fd00:${pod}::1/64 dev p${pod} nodad`,
      `link set q${pod} up`,
      `link set p${pod} up`,
    ]),
  );
  const open = (options = {}) => {
    const socket = new RouteSocket({ netns: host.path, ...options });
    t.teardown(() => socket.close());
    return socket;
  };
  const socket = open();
  const links = new Map((await socket.links()).map(({ name, index }) => [name, index]));
  await socket.close();
  const interfaces = all.map(pod => links.get(`p${pod}`) as number);
  const nexthop = (family: 4 | 6, pod: number, weight = 1): NexthopRecord => ({
    interfaceIndex: interfaces[pod] as number,
    gateway: gateway(family, pod),
    weight,
    flags: 0,
  });
  return { lab, host, interfaces, nexthop, open };
}

export function gateway(family: 4 | 6, pod: number): Uint8Array {
  return family === 4
    ? Uint8Array.of(10, 0, pod, 2)
    : Uint8Array.of(0xfd, 0, 0, pod, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
}

/** 198.18.x.y or 2001:db8::x:y. */
export function destination(family: 4 | 6, number: number): Uint8Array {
  return family === 4
    ? Uint8Array.of(198, 18, number >> 8, number & 255)
    : Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number >> 8, number & 255);
}

/** A host route of ours; `number` names its destination. */
export function route(
  operation: Operation,
  family: 4 | 6,
  number: number,
  nexthops: NexthopRecord[] = [],
  changes: Partial<RouteRecord> = {},
): RouteRecord {
  return {
    operation,
    family,
    destination: destination(family, number),
    prefixLength: family === 4 ? 32 : 128,
    protocol,
    table,
    metric,
    type: 1,
    scope: 0,
    flags: 0,
    nexthopGroup: 0,
    nexthops,
    ...changes,
  };
}

export function pack(...records: RouteRecord[]): Uint8Array {
  const batch = new RouteBatch();
  for (const record of records) batch.add(record);
  return batch.bytes();
}

/** All of our routes of a family, as objects. */
export async function ourRoutes(
  socket: RouteSocket,
  family: 4 | 6,
  protocols = [protocol],
): Promise<RouteRecord[]> {
  return [...readRoutes(await socket.dump({ family, table, protocols }))];
}

/** Node with the checkout's addon, also where this process runs a sanitized one (scripts/test-sanitized). */
export const plainNode = ['env', '-u', 'FLOCK_ANYCAST_PREBUILD', process.execPath] as const;

export { Operation };
