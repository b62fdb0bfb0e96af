/** Computes the samples of a plot from single events. Pure. */
import { type Phase, sorted } from './account.ts';
import type { FlowEvent } from './clients.ts';

/** Busy connections of both families over time, by pod; and how many broke since the sample before. */
export interface Sample {
  /** Since the first phase began. */
  seconds: number;
  held: Record<string, number>;
  /** Of the pod that leaves, and of the others. */
  own: number;
  others: number;
}

const sampleMs = 250;

export function samplesOf(phases: readonly Phase[], events: readonly FlowEvent[]): Sample[] {
  const start = phases[0]?.from ?? 0;
  const end = phases.at(-1)?.to ?? start;
  const held = new Map<string, number>();
  const samples: Sample[] = [];
  let next = 0;
  for (let time = start; time <= end; time += sampleMs) {
    let own = 0;
    let others = 0;
    for (; (events[next]?.at ?? Number.POSITIVE_INFINITY) < time; next++) {
      const { at, what, kind, server } = events[next] as FlowEvent;
      if (kind !== 'busy' || server === undefined) continue;
      held.set(server, (held.get(server) ?? 0) + (what === 'opened' ? 1 : -1));
      if (what === 'opened' || at < start) continue;
      if (phases.find(phase => at >= phase.from && at < phase.to)?.pod === server) own++;
      else others++;
    }
    samples.push({ seconds: (time - start) / 1000, held: sorted(held), own, others });
  }
  return samples;
}
