/** Runs the same phases in each mode, in separate networks at the same time. */
import { release } from 'node:os';
import { compile } from '../support/compile.ts';
import { Lab } from '../support/lab.ts';
import type { Nexthops } from '../traffic/nexthop-modes.ts';
import { World } from '../traffic/world.ts';
import { costsOf, type PhaseCost } from './account.ts';
import { type Sample, samplesOf } from './samples.ts';
import { counts, drainSeconds, idleSeconds, plan, play } from './story.ts';

export interface ModeResult {
  nexthops: Nexthops;
  costs: PhaseCost[];
  samples: Sample[];
  /** When each phase began, in seconds since the first did. */
  begins: { name: PhaseCost['name']; pod: string | undefined; seconds: number }[];
}

export interface Proof {
  date: string;
  kernel: string;
  /** Of each family; of `new` a second. */
  connections: typeof counts;
  buckets: number;
  idleSeconds: number;
  drainSeconds: number;
  modes: ModeResult[];
}

export async function prove(
  modes: readonly Nexthops[],
  { buckets, signal }: { buckets: number; signal: AbortSignal },
): Promise<Proof> {
  const date = new Date().toISOString();
  const results = await Promise.all(modes.map(nexthops => playIn(nexthops, buckets, signal)));
  return {
    date,
    kernel: release(),
    connections: counts,
    buckets,
    idleSeconds,
    drainSeconds,
    modes: results,
  };
}

async function playIn(nexthops: Nexthops, buckets: number, signal: AbortSignal): Promise<ModeResult> {
  const lab = await Lab.create();
  try {
    const echo = await compile(new URL('../traffic/native/echo.c', import.meta.url), lab.dir);
    const program = await compile(new URL('./native/flows.c', import.meta.url), lab.dir);
    const routes = { nexthops, resilient: { buckets, idleSeconds } };
    const world = await World.create({ kind: 'ours', lab, echo, signal, plans: [plan], routes });
    const { phases, events } = await play(world, program);
    const start = phases[0]?.from ?? 0;
    return {
      nexthops,
      costs: costsOf(phases, events),
      samples: samplesOf(phases, events),
      begins: phases.map(({ name, pod, from }) => ({ name, pod, seconds: (from - start) / 1000 })),
    };
  } finally {
    await lab.destroy();
  }
}
