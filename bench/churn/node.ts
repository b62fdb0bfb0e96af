/**
 * The agent's side of the churn, in a process of its own: nobody else's garbage is in its memory, nor anybody
 * else's work in its CPU time. Told by its parent what to do, it sends back what it measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSide } from '../agent-side.ts';
import { manifestOf } from '../population.ts';
import type { Churn } from '../results.ts';
import { percentile } from '../statistics.ts';
import { type ChurnOrder, churnPods } from './order.ts';
import { Stretches } from './stretches.ts';

const ends: (() => unknown)[] = [];
process.once('message', order => void play(order as ChurnOrder));

async function play(order: ChurnOrder): Promise<void> {
  const { netns, pods: podCount, flipsPerSecond, seconds } = order;
  const pods = churnPods(order);
  const agent = await AgentSide.start({ teardown: end => ends.push(end) }, { netns });
  await agent.populate(pods);
  const stop = new AbortController();
  const running = agent.reconciler.run(stop.signal);
  await sleep(500);

  /** When the flips of each pod came that no pass has taken in yet. */
  let untaken = new Map<string, number[]>();
  /** Those that the pass under way has taken in. */
  let taken = new Map<string, number[]>();
  let coalesced = 0;
  const lags: number[] = [];
  const stretches = new Stretches(agent);
  agent.onPassBegins = () => {
    taken = untaken;
    untaken = new Map();
  };
  agent.onPassEnds = () => {
    const now = performance.now();
    for (const times of taken.values()) {
      coalesced += times.length - 1;
      for (const at of times) {
        lags.push(now - at);
        stretches.lag(now - at);
      }
    }
    taken = new Map();
  };

  const began = performance.now();
  const cpu = process.cpuUsage();
  const rss = { start: stretches.rssMb(), middle: 0, end: 0 };
  const ready = new Map(pods.map(({ name }) => [name, true]));
  let flips = 0;
  const total = flipsPerSecond * seconds;
  stretches.begin(began);
  while (flips < total) {
    const now = performance.now();
    const due = Math.min(total, Math.floor(((now - began) / 1000) * flipsPerSecond));
    for (; flips < due; flips++) {
      // Far apart in the list, so that a pod flips again only after all others have.
      const pod = pods[(flips * 7) % podCount] as (typeof pods)[number];
      const to = !ready.get(pod.name);
      ready.set(pod.name, to);
      const times = untaken.get(pod.name) ?? [];
      times.push(performance.now());
      untaken.set(pod.name, times);
      agent.take(manifestOf(pod, to));
      stretches.flip();
    }
    if (rss.middle === 0 && flips >= total / 2) rss.middle = stretches.rssMb();
    stretches.cut(now);
    await sleep(1);
  }
  const used = process.cpuUsage(cpu);
  const elapsed = performance.now() - began;
  while (untaken.size + taken.size > 0) await sleep(5);
  stretches.cut(performance.now(), true);
  rss.end = stretches.rssMb();
  stop.abort();
  await running;
  const churn: Churn = {
    pods: podCount,
    destinations: order.destinations,
    flipsPerSecond,
    seconds,
    flips,
    coalesced,
    batches: stretches.batches,
    requests: stretches.requests,
    cpuPercent: (used.user + used.system) / 10 / elapsed,
    rssMb: rss,
    lagMs: { p50: percentile(lags, 50), p99: percentile(lags, 99), max: percentile(lags, 100) },
    samples: stretches.samples,
  };
  process.send?.(churn, () => void finish());
}

async function finish(): Promise<void> {
  for (const end of ends.reverse()) await end();
  process.disconnect();
}
