/** An audit: reads the kernel's routes and compares them with the programmed ones; over the bare dump loop. */
import { AgentSide } from '../agent-side.ts';
import { type Cell, Field, families } from '../field.ts';
import { withHost } from '../host.ts';
import type { Bench, Part } from '../part.ts';
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
  async run(bench) {
    for (const family of families)
      await withHost(host =>
        measure({ ...bench, host }, { family, nexthops, destinations: bench.plan.auditRoutes }),
      );
  },
};

async function measure({ host, plan, results, step }: Bench, cell: Cell): Promise<void> {
  const { family, destinations } = cell;
  const field = await Field.create(host);
  const agent = await AgentSide.start(host, { netns: field.node.path });
  await agent.populate(populationOf(cell, groups));
  await lookThrough(agent);
  const samples = new Samples();
  const allocated: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    step(`IPv${family}`);
    const [took = '', found] = (await field.floor.ask(`dump ${family} 70`)).split(' ');
    if (Number(found) !== destinations) throw new Error(`the dump gave ${found} routes`);
    samples.add('floor', 'audit', Number(took));
    agent.table.beliefs.raiseDoubt();
    const heap = process.memoryUsage().heapUsed;
    samples.add('ours', 'audit', await timedAudit(agent));
    allocated.push(process.memoryUsage().heapUsed - heap);
    agent.auditNext();
    samples.add('ours', 'audit while shadows are looked for', await timedAudit(agent));
    await lookThrough(agent);
  }
  results.rows.push(...samples.rows({ work: 'audit', ...cell, listens: nobody }));
  results.figures.push({
    name: `heap taken by an audit of IPv${family}, a route`,
    value: median(allocated) / destinations,
    unit: 'bytes',
    destinations,
  });
}

/** Waits until the search for shadows that an audit has started is over. */
async function lookThrough({ programmer }: AgentSide): Promise<void> {
  for (let found: unknown; found === undefined; found = (await programmer.pass()).shadows)
    await new Promise(resolve => setImmediate(resolve));
}

async function timedAudit({ programmer }: AgentSide): Promise<number> {
  const began = performance.now();
  const { drift } = await programmer.pass();
  const took = (performance.now() - began) * 1000;
  if (drift !== 0) throw new Error(`the audit found ${drift} routes otherwise`);
  return took;
}
