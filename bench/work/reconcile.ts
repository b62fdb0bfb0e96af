/** A full reconcile in which every destination changed: from the sources' words to the kernel. */
import { AgentSide } from '../agent-side.ts';
import { type Cell, Field, families } from '../field.ts';
import type { Bench, Part } from '../part.ts';
import { populationOf } from '../population.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

/** The addresses are dealt out to so many pods, or groups of pods. */
const groups = 50;

function* cells({ plan }: Pick<Bench, 'plan'>): Generator<Cell> {
  for (const family of families)
    for (const nexthops of plan.nexthops) yield { family, nexthops, destinations: plan.agentDestinations };
}

export const reconcile: Part = {
  name: 'reconcile',
  what: 'every destination changed at once: resolve, diff, encode and apply, over the floor of the same replaces',
  steps: bench => [...cells(bench)].length * bench.plan.rounds,
  async run(bench) {
    // Two namespaces: our agent would take the floor's routes for strays of its own.
    const floorField = await Field.create(bench.host);
    for (const cell of cells(bench)) {
      const ourField = await Field.create(bench.host);
      const agent = await AgentSide.start(bench.host, { netns: ourField.node.path });
      await agent.populate(populationOf(cell, groups));
      const ask = async (operation: string) =>
        Number(
          await floorField.floor.ask(`${operation} ${cell.family} ${cell.nexthops} ${cell.destinations}`),
        );
      const samples = new Samples();
      for (let round = 0; round < bench.plan.rounds; round++) {
        bench.step(`IPv${cell.family}, ${cell.nexthops} nexthop(s)`);
        await ask('add');
        samples.add('floor', 'replace', await ask('replace'));
        await ask('delete');
        const variant = round % 2 === 0 ? 1 : 0;
        agent.allocations.replace(populationOf(cell, groups, variant));
        const began = performance.now();
        await agent.reconciler.reconcile();
        samples.add('ours', 'replace', (performance.now() - began) * 1000);
        await ourField.verify(variant === 1 ? 'replace' : 'add', cell);
      }
      bench.results.rows.push(...samples.rows({ work: 'reconcile', ...cell, listens: nobody }));
    }
  },
};
