/**
 * One of four pods that share many destinations leaves and returns, in each form of routes: one message per
 * destination, or one for the group of all.
 */
import { groupFormOf } from '../../lib/kernel/groups/group-form.ts';
import { AgentSide } from '../agent-side.ts';
import { type Cell, Field, families } from '../field.ts';
import { withHost } from '../host.ts';
import { type Listener, listeners } from '../listeners.ts';
import type { Bench, Part } from '../part.ts';
import { type BenchPod, manifestOf, populationOf } from '../population.ts';
import type { Departure } from '../results.ts';
import { median, summary } from '../statistics.ts';

const nexthops = 4;
const resilient = { buckets: 256, idleSeconds: 4, unbalancedSeconds: 0 };
/** The values of `routes.nexthops` in the agent's configuration. */
const modes = ['multipath', 'groups', 'resilient'] as const;
const operations = ['leave', 'return'] as const;

type Named = Pick<Departure, 'mode' | 'op'>;
/** The cost of one departure or return. */
type Cost = Pick<Departure, 'us' | 'kernelUs' | 'cpuUs' | 'requests'>;

export const leave: Part = {
  name: 'leave',
  what: 'a pod leaves that shares 1 to 10,000 destinations with three others, and returns: multipath, groups, resilient groups',
  steps: ({ plan }) => families.length * plan.sharedDestinations.length * listeners.length * plan.rounds,
  async run(bench) {
    const able: Listener[] = [];
    for (const listener of listeners) {
      const why = await listener.missing();
      if (why === undefined) able.push(listener);
      else bench.results.skipped.push({ what: `leave, heard by ${listener.name}`, why });
    }
    for (const family of families)
      for (const destinations of bench.plan.sharedDestinations)
        await withHost(host => measure({ ...bench, host }, able, { family, nexthops, destinations }));
  },
};

/** The modes alternate within each round, each in a namespace of its own. */
async function measure(bench: Bench, heardBy: readonly Listener[], cell: Cell): Promise<void> {
  const pods = populationOf(cell, 1);
  const leaving = pods.at(-1) as BenchPod;
  const sides: { mode: Departure['mode']; field: Field; agent: AgentSide }[] = [];
  for (const mode of modes) {
    const field = await Field.create(bench.host);
    const groups = groupFormOf({ nexthops: mode, resilient });
    const agent = await AgentSide.start(bench.host, { netns: field.node.path, groups });
    await agent.populate(pods);
    sides.push({ mode, field, agent });
  }
  for (const listener of heardBy) {
    const costs = new Map<string, { named: Named; costs: Cost[] }>();
    const heard = await Promise.all(
      sides.map(async side => ({ ...side, listening: await listener.start(side.field, cell) })),
    );
    for (let round = 0; round < bench.plan.rounds; round++) {
      bench.step(`${cell.destinations} IPv${cell.family} destinations shared, heard by ${listener.name}`);
      for (const { mode, agent, listening } of heard) {
        for (const op of operations) {
          const cost = await timed(agent, manifestOf(leaving, op === 'return'));
          await agent.settle();
          await listening.digest();
          const known = costs.get(`${mode} ${op}`) ?? { named: { mode, op }, costs: [] };
          known.costs.push(cost);
          costs.set(`${mode} ${op}`, known);
        }
      }
    }
    for (const { listening } of heard) await listening.stop();
    const { family, destinations } = cell;
    for (const { named, costs: all } of costs.values())
      bench.results.departures.push({
        ...named,
        family,
        destinations,
        listens: listener.name,
        ...mediansOf(all),
      });
  }
}

async function timed(agent: AgentSide, manifest: string): Promise<Cost> {
  const { us: kernelBefore, requests: requestsBefore } = agent.socket;
  const cpu = process.cpuUsage();
  const began = performance.now();
  agent.take(manifest);
  await agent.reconciler.reconcile();
  const us = (performance.now() - began) * 1000;
  const { user, system } = process.cpuUsage(cpu);
  const kernelUs = agent.socket.us - kernelBefore;
  return { us, kernelUs, cpuUs: user + system, requests: agent.socket.requests - requestsBefore };
}

function mediansOf(costs: readonly Cost[]): Cost & Pick<Departure, 'spread' | 'rounds'> {
  const of = (field: keyof Cost) => median(costs.map(cost => cost[field]));
  const { low, high, samples } = summary(costs.map(({ us }) => us));
  const medians = { us: of('us'), kernelUs: of('kernelUs'), cpuUs: of('cpuUs'), requests: of('requests') };
  return { ...medians, spread: [low, high], rounds: samples };
}
