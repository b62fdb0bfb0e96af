/** How long JavaScript is held up while every destination of a large table changes at once. */
import { AgentSide } from '../agent-side.ts';
import { Field } from '../field.ts';
import type { Part } from '../part.ts';
import { populationOf } from '../population.ts';

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
    let longest = 0;
    let longestWhole = 0;
    for (let round = 0; round < plan.rounds; round++) {
      step(`${cell.destinations} destinations`);
      const variant = round % 2 === 0 ? 1 : 0;
      agent.allocations.replace(populationOf(cell, groups, variant));
      const gaps = watchGaps();
      const began = performance.now();
      await agent.settle();
      longestWhole = Math.max(longestWhole, performance.now() - began);
      longest = Math.max(longest, await gaps.longest());
      await field.verify(variant === 1 ? 'replace' : 'add', cell);
    }
    const { destinations } = cell;
    results.figures.push(
      {
        name: 'event loop stood still, all destinations changed at once',
        value: longest,
        unit: 'ms',
        destinations,
      },
      {
        name: 'until the kernel had all destinations changed at once',
        value: longestWhole,
        unit: 'ms',
        destinations,
      },
    );
  },
};

/** A ticker of 1 ms: what it is late by, somebody else held the loop. */
function watchGaps() {
  let longest = 0;
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  };
  const ticker = setInterval(tick, 1);
  return {
    /** Milliseconds; the gap that ends now counts too. */
    async longest(): Promise<number> {
      await new Promise(resolve => setImmediate(resolve));
      tick();
      clearInterval(ticker);
      return longest;
    },
  };
}
