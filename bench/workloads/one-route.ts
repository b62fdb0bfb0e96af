/** A single route from JavaScript, encoding and answer included. */
import { RouteSocket } from '../../lib/index.ts';
import { type Cell, Field, families, operations } from '../field.ts';
import type { Part } from '../part.ts';
import { interfacesOf, recordsOf, timedApply } from '../peers/records.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

export const oneRoute: Part = {
  name: 'one-route',
  what: 'one route from JavaScript and back, encoding included',
  steps: ({ plan }) => families.length * plan.nexthops.length,
  async run({ host, plan, results, step }) {
    const field = await Field.create(host);
    const socket = new RouteSocket({ netns: field.node.path });
    host.teardown(() => socket.close());
    const interfaces = await interfacesOf(field);
    for (const family of families) {
      for (const nexthops of plan.nexthops) {
        step(`IPv${family}, ${nexthops} nexthop(s)`);
        const cell: Cell = { family, nexthops, destinations: 1 };
        const samples = new Samples();
        for (let round = 0; round < plan.flips; round++) {
          for (const operation of operations)
            samples.add(
              'floor',
              operation,
              Number(await field.floor.ask(`${operation} ${family} ${nexthops} 1`)),
            );
          for (const operation of operations)
            samples.add('ours', operation, await timedApply(socket, recordsOf(operation, cell, interfaces)));
        }
        await field.verify('delete', cell);
        results.rows.push(...samples.rows({ work: 'one-route', ...cell, listens: nobody }));
      }
    }
  },
};
