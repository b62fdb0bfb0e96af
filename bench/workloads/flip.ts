/**
 * One pod's flip among many pods that do not change: our time outside the kernel, from the manifest's bytes to the
 * last outcome, minus the floor's time for the same message.
 */
import { AgentSide } from '../agent-side.ts';
import { destination, Field } from '../field.ts';
import { withHost } from '../host.ts';
import type { Bench, Part } from '../part.ts';
import { manifestOf, podOn, populationOf } from '../population.ts';
import { median } from '../statistics.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

const groups = 500;

export const flip: Part = {
  name: 'flip',
  what: "one pod's flip with 10,000 and 100,000 other destinations in the table: our time outside the kernel",
  steps: ({ plan }) => 2 * plan.rounds,
  async run(bench) {
    for (const destinations of [bench.plan.agentDestinations, bench.plan.largeTable])
      await withHost(host => measure({ ...bench, host }, destinations));
  },
};

async function measure({ host, plan, results, step }: Bench, destinations: number): Promise<void> {
  const cell = { family: 4, nexthops: 1, destinations } as const;
  const field = await Field.create(host);
  const agent = await AgentSide.start(host, { netns: field.node.path, settleMs: 1 });
  const pod = podOn(4, 0, 0, 'flipping', [destination(4, destinations)]);
  await agent.populate([...populationOf(cell, groups), pod]);
  const floorField = await Field.create(host);
  await floorField.floor.ask(`add 4 1 ${destinations}`);
  const floor = await floorTimes(floorField, destinations, plan.flips);
  const samples = new Samples();
  for (let round = 0; round < plan.rounds; round++) {
    step(`${destinations} destinations`);
    const off: number[] = [];
    const on: number[] = [];
    for (let number = 0; number < plan.flips / plan.rounds; number++) {
      off.push(await timedFlip(agent, manifestOf(pod, false)));
      await agent.settle();
      on.push(await timedFlip(agent, manifestOf(pod, true)));
    }
    samples.add('ours', 'off', median(off) - floor.replace, 1);
    samples.add('ours', 'on', median(on) - floor.create, 1);
  }
  const rows = samples.rows({ work: 'flip', ...cell, listens: nobody });
  results.rows.push(...rows.map(row => ({ ...row, destinations })));
}

async function timedFlip(agent: AgentSide, manifest: string): Promise<number> {
  const began = performance.now();
  agent.take(manifest);
  await agent.reconciler.reconcile();
  return (performance.now() - began) * 1000;
}

/** Microseconds of one message and its answer, in a table of the same size. */
async function floorTimes(field: Field, number: number, times: number) {
  const took = { create: [] as number[], replace: [] as number[] };
  for (let round = 0; round < times; round++) {
    for (const operation of ['create', 'replace'] as const) {
      const answer = await field.floor.ask(
        `one ${operation} 4 ${number} ${operation === 'create' ? 70 : 71}`,
      );
      const [began = 0n, ended = 0n] = answer.split(' ').map(BigInt);
      took[operation].push(Number(ended - began) / 1000);
    }
    await field.floor.ask(`one delete 4 ${number} 71`);
  }
  return { create: median(took.create), replace: median(took.replace) };
}
