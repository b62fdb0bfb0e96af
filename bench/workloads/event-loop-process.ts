/**
 * The agent alone in a process, started like the real one: garbage of other code would count as the agent's.
 *
 *     node event-loop-process.ts NETNS DESTINATIONS GROUPS
 *
 *     populate          -> done
 *     change VARIANT    -> MILLISECONDS that the event loop was blocked, by CPU time and by the clock; and in total
 */
import '../../lib/heap-growth.ts';
import { createInterface } from 'node:readline';
import { AgentSide } from '../agent-side.ts';
import { populationOf } from '../population.ts';

const [netns = '', destinations, groups] = process.argv.slice(2);
const cell = { family: 4, nexthops: 1, destinations: Number(destinations) } as const;
const population = (variant?: 0 | 1) => populationOf(cell, Number(groups), variant);
const agent = await AgentSide.start({ teardown: end => process.once('exit', end) }, { netns });

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, variant] = line.split(' ');
  if (verb === 'populate') await agent.populate(population());
  console.log(verb === 'populate' ? 'done' : await change(variant === '1' ? 1 : 0));
}
process.exit();

async function change(variant: 0 | 1): Promise<string> {
  agent.allocations.replace(population(variant));
  const gaps = watchGaps();
  const began = performance.now();
  await agent.settle();
  const whole = performance.now() - began;
  const { cpu, wall } = await gaps.longest();
  return [cpu, wall, whole].join(' ');
}

/** A timer of 1 ms: it is late by the time for which the event loop was blocked. */
function watchGaps() {
  const longest = { wall: 0, cpu: 0 };
  let last = now();
  const tick = () => {
    const { wall, cpu } = now();
    longest.wall = Math.max(longest.wall, wall - last.wall - 1);
    longest.cpu = Math.max(longest.cpu, cpu - last.cpu);
    last = { wall, cpu };
  };
  const ticker = setInterval(tick, 1);
  return {
    /** In milliseconds; includes the gap that ends now. */
    async longest(): Promise<typeof longest> {
      await new Promise(resolve => setImmediate(resolve));
      tick();
      clearInterval(ticker);
      return longest;
    },
  };
}

/** Milliseconds by the clock, and of this thread's CPU time, which other processes do not lengthen. */
function now(): { wall: number; cpu: number } {
  const { user, system } = process.threadCpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
}
