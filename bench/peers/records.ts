/** A cell's routes as records for our addon. */
import { Operation as Request, RouteBatch, type RouteRecord, RouteSocket } from '../../lib/index.ts';
import { headerLength, nexthopLength } from '../../lib/kernel/socket/record-layout.ts';
import {
  addressBytes,
  type Cell,
  destination,
  type Field,
  gateway,
  type Operation,
  variantOf,
} from '../field.ts';

const requests = {
  add: Request.create,
  replace: Request.replace,
  noop: Request.replace,
  delete: Request.delete,
} as const;

/** The field's interface indexes by pod. */
export async function interfacesOf(field: Field): Promise<number[]> {
  await using socket = new RouteSocket({ netns: field.node.path });
  const links = new Map((await socket.links()).map(({ name, index }) => [name, index]));
  return Array.from({ length: links.size }, (_, pod) => links.get(`p${pod}`) ?? 0);
}

/** The work, prepared in advance: one record per route. */
export function recordsOf(operation: Operation, cell: Cell, interfaces: readonly number[]): RouteRecord[] {
  const count = operation === 'delete' ? 0 : cell.nexthops;
  const nexthops = Array.from({ length: count }, (_, pod) => ({
    interfaceIndex: interfaces[pod] as number,
    gateway: addressBytes(gateway(cell.family, pod, variantOf(operation))),
  }));
  return records(operation, cell, { nexthops });
}

/** The same through a nexthop group. */
export function recordsThrough(operation: Operation, cell: Cell, group: number): RouteRecord[] {
  return records(operation, cell, { nexthops: [], nexthopGroup: operation === 'delete' ? 0 : group });
}

function records(
  operation: Operation,
  { family, destinations }: Cell,
  way: Pick<RouteRecord, 'nexthops' | 'nexthopGroup'>,
): RouteRecord[] {
  return Array.from({ length: destinations }, (_, number) => ({
    operation: requests[operation],
    family,
    destination: addressBytes(destination(family, number)),
    prefixLength: family === 4 ? 32 : 128,
    protocol: 70,
    table: 254,
    metric: 16,
    ...way,
  }));
}

/**
 * Encodes and applies; the time includes both.
 * @returns microseconds
 * @throws Error when the kernel refuses one
 */
export async function timedApply(socket: RouteSocket, records: readonly RouteRecord[]): Promise<number> {
  const recordLength = headerLength + nexthopLength * (records[0]?.nexthops.length ?? 0);
  const began = process.hrtime.bigint();
  const batch = new RouteBatch(records.length * recordLength);
  for (const record of records) batch.add(record);
  const outcome = await socket.apply(batch.bytes());
  const took = Number(process.hrtime.bigint() - began) / 1000;
  const failed = outcome.findIndex(errno => errno !== 0);
  if (failed >= 0) throw new Error(`request ${failed}: errno ${outcome[failed]}`);
  return took;
}
