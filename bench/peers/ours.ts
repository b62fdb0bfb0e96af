/** Our addon: one call for all routes, and one call per route. */
import { RouteSocket } from '../../lib/index.ts';
import { gateway, variantOf } from '../field.ts';
import { always, type Peer } from './peer.ts';
import { interfacesOf, recordsOf, recordsThrough, timedApply } from './records.ts';

export const ours: Peer = {
  name: 'ours',
  what: 'RouteBatch and RouteSocket.apply from JavaScript, encoding included: one call for all',
  limit: Number.POSITIVE_INFINITY,
  missing: always,
  async open(field, cell) {
    const socket = new RouteSocket({ netns: field.node.path });
    const interfaces = await interfacesOf(field);
    return {
      perform: operation => timedApply(socket, recordsOf(operation, cell, interfaces)),
      close: () => socket.close(),
    };
  },
};

export const loop: Peer = {
  name: 'loop',
  what: 'the same addon without batching: one call a route, each awaited',
  limit: 10_000,
  missing: always,
  async open(field, cell) {
    const socket = new RouteSocket({ netns: field.node.path });
    const interfaces = await interfacesOf(field);
    return {
      async perform(operation) {
        const records = recordsOf(operation, cell, interfaces);
        let took = 0;
        for (const record of records) took += await timedApply(socket, [record]);
        return took;
      },
      close: () => socket.close(),
    };
  },
};

/** The ids of the two variants' groups, and of the nexthops in them. */
const groupId = (variant: 0 | 1) => 1000 * (variant + 1);
const nexthopId = (variant: 0 | 1, pod: number) => groupId(variant) + 1 + pod;

export const groups: Peer = {
  name: 'groups',
  what: 'ours, routes through one nexthop group instead of their own nexthops; the time does not include creating the group',
  limit: Number.POSITIVE_INFINITY,
  missing: always,
  async open(field, cell) {
    const socket = new RouteSocket({ netns: field.node.path });
    const variants = [0, 1] as const;
    const pods = Array.from({ length: cell.nexthops }, (_, pod) => pod);
    // `replace`, because `ip nexthop flush` deletes while it reads, and sometimes misses one.
    await field.node.ipBatch(
      variants.flatMap(variant => [
        ...pods.map(
          pod =>
            `nexthop replace id ${nexthopId(variant, pod)} via ${gateway(cell.family, pod, variant)} dev p${pod}`,
        ),
        `nexthop replace id ${groupId(variant)} group ${pods.map(pod => nexthopId(variant, pod)).join('/')}`,
      ]),
    );
    return {
      perform: operation =>
        timedApply(socket, recordsThrough(operation, cell, groupId(variantOf(operation)))),
      async close() {
        await socket.close();
        await field.node.ip('nexthop', 'flush');
      },
    };
  },
};
