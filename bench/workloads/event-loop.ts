/** How long JavaScript is held up while every destination of a large table changes at once. */
import { AgentSide } from '../agent-side.ts';
import { Field } from '../field.ts';
import type { Part } from '../part.ts';
import { populationOf } from '../population.ts';
import type { Figure } from '../results.ts';

const groups = 500;

export const eventLoop: Part = {
  name: 'event-loop',
  what: 'the longest that the event loop stands still while 100,000 destinations change at once',
  steps: ({ plan }) => plan.rounds,
  async run({ host, plan, results, step }) {
    const cell = { family: 4, nexthops: 1, destinations: plan.largeTable } as const;
    const field = await Field.create(host);
    const agent = await AgentSide.start(host, { netns: field.node.path });
    await agent.populate(populationOf(cell, groups));
    const longest = { wall: 0, cpu: 0, whole: 0 };
    for (let round = 0; round < plan.rounds; round++) {
      step(`${cell.destinations} destinations`);
      const variant = round % 2 === 0 ? 1 : 0;
      agent.allocations.replace(populationOf(cell, groups, variant));
      const gaps = watchGaps();
      const began = performance.now();
      await agent.settle();
      longest.whole = Math.max(longest.whole, performance.now() - began);
      const { wall, cpu } = await gaps.longest();
      longest.wall = Math.max(longest.wall, wall);
      longest.cpu = Math.max(longest.cpu, cpu);
      await field.verify(variant === 1 ? 'replace' : 'add', cell);
    }
    const figure = (name: string, value: number): Figure => ({
      ...{ name, value, unit: 'ms', destinations: cell.destinations },
    });
    results.figures.push(
      figure('event loop held up by our own computing, all destinations changed at once', longest.cpu),
      figure('the same by the clock, others on this machine included', longest.wall),
      figure('until the kernel had all destinations changed at once', longest.whole),
    );
  },
};

/** A ticker of 1 ms: what it is late by, something else held the loop. */
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
    /** Milliseconds; the gap that ends now counts too. */
    async longest(): Promise<typeof longest> {
      await new Promise(resolve => setImmediate(resolve));
      tick();
      clearInterval(ticker);
      return longest;
    },
  };
}

/** Milliseconds by the clock, and of this thread's computing, which others can not lengthen. */
function now(): { wall: number; cpu: number } {
  const { user, system } = process.threadCpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
}
