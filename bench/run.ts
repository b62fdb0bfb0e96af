/** One run: all parts in order; everything that a part started is stopped after it. */
import { evaluate } from './goals.ts';
import { withHost } from './host.ts';
import { kernel, machine } from './machine.ts';
import type { Part } from './part.ts';
import type { Peer } from './peers/peer.ts';
import type { Plan } from './plan.ts';
import type { Progress } from './progress.ts';
import type { Results } from './results.ts';

export interface RunOptions {
  plan: Plan;
  parts: readonly Part[];
  peers: readonly Peer[];
  signal: AbortSignal;
  progress(steps: number): Pick<Progress, 'part' | 'step' | 'stop'>;
}

export async function run({ plan, parts, peers, signal, progress: begin }: RunOptions): Promise<Results> {
  const began = performance.now();
  const results: Results = {
    machine: machine(),
    date: new Date().toISOString(),
    kernel: kernel(),
    quick: plan.quick,
    seconds: 0,
    parts: [],
    rows: [],
    departures: [],
    latency: [],
    idle: [],
    churn: null,
    figures: [],
    goals: [],
    skipped: [],
  };
  const able = await thoseAble(peers, results);
  const progress = begin(parts.reduce((sum, part) => sum + part.steps({ plan, peers: able }), 0));
  const step = (label: string) => {
    signal.throwIfAborted();
    progress.step(label);
  };
  try {
    for (const part of parts) {
      progress.part(part.name);
      const start = performance.now();
      await withHost(host => part.run({ plan, results, peers: able, host, step }));
      results.parts.push({ name: part.name, seconds: (performance.now() - start) / 1000 });
    }
  } finally {
    progress.stop();
  }
  results.goals = evaluate(results);
  results.seconds = Math.round((performance.now() - began) / 1000);
  return results;
}

async function thoseAble(peers: readonly Peer[], results: Results): Promise<Peer[]> {
  const able: Peer[] = [];
  for (const peer of peers) {
    const why = await peer.missing();
    if (why === undefined) able.push(peer);
    else results.skipped.push({ what: peer.name, why });
  }
  return able;
}
