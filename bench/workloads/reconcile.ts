/** A full reconcile in which every destination changed: from the sources to the kernel. */
import { AgentSide } from '../agent-side.ts';
import { type Cell, Field, families } from '../field.ts';
import { withHost } from '../host.ts';
import type { LineProgram } from '../line-program.ts';
import type { Bench, Part } from '../part.ts';
import { populationOf } from '../population.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

/** The number of pods, or groups of pods, that the addresses are distributed to. */
const groups = 50;
/**
 * Unmeasured changes before the first measured one. In a process just started, V8 has not yet optimized the code,
 * which takes two to four times as long outside the kernel; the floor is compiled in advance.
 */
const warmUps = 10;

function* cells({ plan }: Pick<Bench, 'plan'>): Generator<Cell> {
  for (const family of families)
    for (const nexthops of plan.nexthops) yield { family, nexthops, destinations: plan.agentDestinations };
}

export const reconcile: Part = {
  name: 'reconcile',
  what: 'every destination changed at once: resolve, diff, encode and apply, over the floor of the same replaces',
  steps: bench => [...cells(bench)].length * bench.plan.rounds,
  async run(bench) {
    // Two namespaces: our agent would take the floor's routes for its own stale routes.
    const { floor } = await Field.create(bench.host);
    for (const cell of cells(bench)) await withHost(host => measure({ ...bench, host }, floor, cell));
  },
};

async function measure({ host, plan, results, step }: Bench, floor: LineProgram, cell: Cell) {
  const { family, nexthops, destinations } = cell;
  const ask = async (operation: string) =>
    Number(await floor.ask(`${operation} ${family} ${nexthops} ${destinations}`));
  const field = await Field.create(host);
  const agent = await AgentSide.start(host, { netns: field.node.path });
  await agent.populate(populationOf(cell, groups));
  const change = async (variant: 0 | 1) => {
    agent.allocations.replace(populationOf(cell, groups, variant));
    const began = performance.now();
    await agent.reconciler.reconcile();
    return (performance.now() - began) * 1000;
  };
  for (let count = 0; count < warmUps; count++) await change(count % 2 === 0 ? 1 : 0);
  const samples = new Samples();
  for (let round = 0; round < plan.rounds; round++) {
    step(`IPv${family}, ${nexthops} nexthop(s)`);
    await ask('add');
    samples.add('floor', 'replace', await ask('replace'));
    await ask('delete');
    const variant = round % 2 === 0 ? 1 : 0;
    samples.add('ours', 'replace', await change(variant));
    await field.verify(variant === 1 ? 'replace' : 'add', cell);
  }
  results.rows.push(...samples.rows({ work: 'reconcile', ...cell, listens: nobody }));
}
