/** Runs steps on the model and on the real system, and compares the two at every quiet point. */
import fc from 'fast-check';
import { eventually } from '../support/lab.ts';
import { everyForm } from '../support/program.ts';
import { anyStep, kinds, type Step } from './steps.ts';
import { type ModelHost, System } from './system.ts';
import { servingWorld, type World, whyWrong } from './world.ts';

/** How often each kind of step, and each fault, really occurred. */
export type Tally = Map<string, number>;

export function newTally(): Tally {
  return new Map([...kinds, 'overrun seen', 'quiet point'].map(kind => [kind, 0]));
}

export function add(tally: Tally, kind: string, count = 1): void {
  tally.set(kind, (tally.get(kind) ?? 0) + count);
}

/** One world's life: how its first agent leads to nexthops, and bursts of steps with a quiet point after each. */
export interface Life {
  form: string;
  bursts: Step[][];
}

/** The number of steps in a burst, which run without pauses. */
const burst = fc.array(anyStep, { minLength: 2, maxLength: 6 });

export const lifeOf = (bursts: number) =>
  fc.record({
    form: fc.constantFrom(...Object.keys(everyForm)),
    bursts: fc.array(burst, { minLength: bursts, maxLength: bursts }),
  });

export async function runLife(t: ModelHost, { form, bursts }: Life, tally: Tally): Promise<void> {
  const world = servingWorld();
  const system = await System.create(t, world, form);
  try {
    for (const steps of bursts) {
      for (const step of steps) {
        if (step.alone) await quiet(world, system);
        if (await step.run(world, system)) add(tally, step.kind);
        if (step.alone) await quiet(world, system);
      }
      await quiet(world, system);
      add(tally, 'quiet point');
    }
  } finally {
    await system.stop();
    add(tally, 'overrun seen', system.overruns.seen);
  }
}

/** Checks that the kernel equals the model, and that other owners' routes are unchanged. */
async function quiet(world: World, system: System): Promise<void> {
  let wrong: string | undefined;
  await eventually(
    () => `the kernel to equal the model: ${wrong}; ${system.describe()}`,
    async () => {
      wrong = whyWrong(world, await system.routes()) ?? (await system.leftover());
      return wrong === undefined;
    },
  );
  const { conflicts, foreign } = await system.foreign();
  for (const [what, found, own] of [
    ["another owner's routes at our key", conflicts, world.conflicts],
    ["another owner's other routes", foreign, world.foreign],
  ] as const) {
    if (String([...found].sort()) !== String([...own].sort()))
      throw new Error(`${what}: ${found}, not ${[...own]}`);
  }
}
