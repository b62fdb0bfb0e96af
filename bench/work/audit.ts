/** An audit: the kernel's routes read and compared with what we believe, over the bare dump loop. */
import { AgentSide } from '../agent-side.ts';
import { type Cell, Field, families } from '../field.ts';
import type { Part } from '../part.ts';
import { populationOf } from '../population.ts';
import { median } from '../statistics.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

const nexthops = 2;
const groups = 50;

export const audit: Part = {
  name: 'audit',
  what: 'reading back and comparing 65,536 routes that are right, over the bare dump of the same',
  steps: ({ plan }) => families.length * plan.rounds,
  async run({ host, plan, results, step }) {
    for (const family of families) {
      const cell: Cell = { family, nexthops, destinations: plan.auditRoutes };
      const field = await Field.create(host);
      const agent = await AgentSide.start(host, { netns: field.node.path });
      await agent.populate(populationOf(cell, groups));
      const samples = new Samples();
      const allocated: number[] = [];
      for (let round = 0; round < plan.rounds; round++) {
        step(`IPv${family}`);
        const [took = '', found] = (await field.floor.ask(`dump ${family} 70`)).split(' ');
        if (Number(found) !== cell.destinations) throw new Error(`the dump gave ${found} routes`);
        samples.add('floor', 'audit', Number(took));
        agent.table.distrust();
        const heap = process.memoryUsage().heapUsed;
        const began = performance.now();
        const { drift } = await agent.programmer.pass(() => true);
        samples.add('ours', 'audit', (performance.now() - began) * 1000);
        allocated.push(process.memoryUsage().heapUsed - heap);
        if (drift !== 0) throw new Error(`the audit found ${drift} routes otherwise`);
        agent.auditNext();
        const whole = performance.now();
        await agent.programmer.pass(() => true);
        samples.add('ours', 'audit and shadows', (performance.now() - whole) * 1000);
      }
      results.rows.push(...samples.rows({ work: 'audit', ...cell, listens: nobody }));
      results.figures.push({
        name: `heap taken by an audit of IPv${family}, a route`,
        value: median(allocated) / cell.destinations,
        unit: 'bytes',
        destinations: cell.destinations,
      });
    }
  },
};
