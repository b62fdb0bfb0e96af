/** Both families in one `apply`, over the floors of the two one after the other. */
import { RouteSocket } from '../../lib/index.ts';
import { type Cell, Field, families, operations } from '../field.ts';
import type { Part } from '../part.ts';
import { interfacesOf, recordsOf, timedApply } from '../peers/records.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

export const bothFamilies: Part = {
  name: 'both-families',
  what: 'IPv4 and IPv6 routes in one apply, over the sum of the two floors',
  steps: ({ plan }) => plan.nexthops.length * plan.rounds,
  async run({ host, plan, results, step }) {
    const field = await Field.create(host);
    const socket = new RouteSocket({ netns: field.node.path });
    host.teardown(() => socket.close());
    const interfaces = await interfacesOf(field);
    for (const nexthops of plan.nexthops) {
      const destinations = plan.agentDestinations;
      const cells: Cell[] = families.map(family => ({ family, nexthops, destinations }));
      const samples = new Samples();
      for (let round = 0; round < plan.rounds; round++) {
        step(`${nexthops} nexthop(s)`);
        for (const operation of operations) {
          let floor = 0;
          for (const { family } of cells)
            floor += Number(await field.floor.ask(`${operation} ${family} ${nexthops} ${destinations}`));
          samples.add('floor', operation, floor);
        }
        for (const operation of operations) {
          const [four = [], six = []] = cells.map(cell => recordsOf(operation, cell, interfaces));
          // Families alternate, as in a table of both: the input is not sorted by family.
          const mixed = four.flatMap((record, index) => [record, six[index] ?? record]);
          samples.add('ours', operation, await timedApply(socket, mixed));
          for (const cell of cells) await field.verify(operation, cell);
        }
      }
      const named = { nexthops, destinations: 2 * destinations, listens: nobody };
      results.rows.push(...samples.rows({ work: 'both-families', family: '4+6', ...named }));
    }
  },
};
