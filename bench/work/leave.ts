/**
 * One of four pods leaves that share many destinations, by each way in which routes lead to nexthops: a message
 * a destination, or one for the group of them all.
 */
import { type GroupForm, groupFormOf } from '../../lib/kernel/groups/group-form.ts';
import { AgentSide } from '../agent-side.ts';
import { type Cell, Field, families } from '../field.ts';
import { withHost } from '../host.ts';
import type { Bench, Part } from '../part.ts';
import { type BenchPod, manifestOf, populationOf } from '../population.ts';
import { nobody } from './routes.ts';
import { Samples } from './samples.ts';

const nexthops = 4;
const resilient = { buckets: 256, idleSeconds: 4, unbalancedSeconds: 0 };
/** What `routes.nexthops` of the agent's configuration may be. */
export const modes = ['multipath', 'groups', 'resilient'] as const;

export const leave: Part = {
  name: 'leave',
  what: 'a pod leaves that shares 1 to 10,000 destinations with three others: multipath, groups, resilient groups',
  steps: ({ plan }) => families.length * plan.sharedDestinations.length * modes.length,
  async run(bench) {
    for (const family of families)
      for (const destinations of bench.plan.sharedDestinations)
        await measure(bench, { family, nexthops, destinations });
  },
};

/** The modes in turns within each round, each in a namespace of its own. */
function measure(bench: Bench, cell: Cell): Promise<void> {
  return withHost(async host => {
    const samples = new Samples();
    const pods = populationOf(cell, 1);
    const leaving = pods.at(-1) as BenchPod;
    const agents: { mode: string; agent: AgentSide }[] = [];
    for (const mode of modes) {
      bench.step(`${mode}: ${cell.destinations} IPv${cell.family} destinations shared`);
      const field = await Field.create(host);
      const groups: GroupForm = groupFormOf({ nexthops: mode, resilient });
      const agent = await AgentSide.start(host, { netns: field.node.path, groups });
      await agent.populate(pods);
      agents.push({ mode, agent });
    }
    for (let round = 0; round < bench.plan.rounds; round++) {
      for (const { mode, agent } of agents) {
        const began = performance.now();
        agent.take(manifestOf(leaving, false));
        await agent.reconciler.reconcile();
        samples.add('ours', mode, (performance.now() - began) * 1000);
        await agent.settle();
        agent.take(manifestOf(leaving, true));
        await agent.settle();
      }
    }
    bench.results.rows.push(...samples.rows({ work: 'leave', ...cell, listens: nobody }));
  });
}
