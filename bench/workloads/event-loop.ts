/** How long the event loop is blocked while every destination of a large table changes at once. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Field } from '../field.ts';
import { LineProgram } from '../line-program.ts';
import type { Part } from '../part.ts';
import type { Figure } from '../results.ts';

const groups = 500;
const program = fileURLToPath(new URL('event-loop-process.ts', import.meta.url));

export const eventLoop: Part = {
  name: 'event-loop',
  what: 'the longest that the event loop stands still while 100,000 destinations change at once',
  steps: ({ plan }) => plan.rounds,
  async run({ host, plan, results, step }) {
    const cell = { family: 4, nexthops: 1, destinations: plan.largeTable } as const;
    const field = await Field.create(host);
    const args = [program, field.node.path, `${cell.destinations}`, `${groups}`];
    const agent = new LineProgram(spawn(process.execPath, args));
    host.teardown(() => agent.stop());
    await agent.ask('populate');
    const longest = { wall: 0, cpu: 0, whole: 0 };
    for (let round = 0; round < plan.rounds; round++) {
      step(`${cell.destinations} destinations`);
      const variant = round % 2 === 0 ? 1 : 0;
      const [cpu, wall, whole] = (await agent.ask(`change ${variant}`)).split(' ').map(Number);
      longest.cpu = Math.max(longest.cpu, cpu ?? 0);
      longest.wall = Math.max(longest.wall, wall ?? 0);
      longest.whole = Math.max(longest.whole, whole ?? 0);
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
