/**
 * The agent's side of the churn, in a process of its own, so that memory and CPU time are the agent's alone. The
 * parent process sends the plan; this process sends back its measurements.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSide } from '../agent-side.ts';
import { type BenchPod, manifestOf } from '../population.ts';
import type { Churn } from '../results.ts';
import { percentile } from '../statistics.ts';
import { Lags } from './lags.ts';
import { type ChurnOrder, churnPods } from './order.ts';
import { Stretches } from './stretches.ts';

/** After the start, before the first flip. */
const restMs = 500;
/** A pod flips again only after all others have flipped; consecutive flips are of pods far apart in the list. */
const stride = 7;

process.once('message', order => void play(order as ChurnOrder));

async function play(order: ChurnOrder): Promise<void> {
  const ends: (() => unknown)[] = [];
  const pods = churnPods(order);
  const agent = await AgentSide.start({ teardown: end => ends.push(end) }, { netns: order.netns });
  await agent.populate(pods);
  const stop = new AbortController();
  const running = agent.reconciler.run(stop.signal);
  await sleep(restMs);
  const churn = await flipAll(order, pods, agent);
  stop.abort();
  await running;
  for (const end of ends.reverse()) await end();
  process.send?.(churn, () => process.disconnect());
}

async function flipAll(order: ChurnOrder, pods: readonly BenchPod[], agent: AgentSide): Promise<Churn> {
  const { destinations, flipsPerSecond, seconds } = order;
  const lags = new Lags(agent);
  const stretches = new Stretches(agent);
  lags.onLag = ms => stretches.lag(ms);
  const ready = new Set(pods);
  const rssMb = { start: stretches.rssMb(), middle: 0, end: 0 };
  const total = flipsPerSecond * seconds;
  const cpu = process.cpuUsage();
  const began = performance.now();
  stretches.begin(began);
  for (let flips = 0; flips < total; await sleep(1)) {
    const now = performance.now();
    const due = Math.min(total, Math.floor(((now - began) / 1000) * flipsPerSecond));
    for (; flips < due; flips++) {
      const pod = pods[(flips * stride) % pods.length] as BenchPod;
      if (!ready.delete(pod)) ready.add(pod);
      lags.came(pod.name);
      agent.take(manifestOf(pod, ready.has(pod)));
      stretches.flip();
    }
    if (rssMb.middle === 0 && flips >= total / 2) rssMb.middle = stretches.rssMb();
    stretches.cut(now);
  }
  const { user, system } = process.cpuUsage(cpu);
  const cpuPercent = (user + system) / 10 / (performance.now() - began);
  while (lags.pending) await sleep(5);
  stretches.cut(performance.now(), true);
  rssMb.end = stretches.rssMb();
  const { all, coalesced } = lags;
  const { batches, requests, samples } = stretches;
  return {
    ...{
      pods: pods.length,
      destinations,
      flipsPerSecond,
      seconds,
      flips: total,
      coalesced,
      batches,
      requests,
    },
    ...{ cpuPercent, rssMb, samples },
    lagMs: { p50: percentile(all, 50), p99: percentile(all, 99), max: percentile(all, 100) },
  };
}
