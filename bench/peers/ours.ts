/** Our addon: one call for all, and one call a route. */
import { RouteSocket } from '../../lib/index.ts';
import { always, type Peer } from './peer.ts';
import { interfacesOf, recordsOf, timedApply } from './records.ts';

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
