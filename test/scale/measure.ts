/** One node of a large cluster, from its start to a minute of readiness flips, and what that costs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ApiProxy } from '../support/api-proxy.ts';
import { startKubeApiServer } from '../support/kube-api-server.ts';
import { eventually, Lab } from '../support/lab.ts';
import { answerIn } from '../support/relay.ts';
import { watchRoutes } from '../support/route-watch.ts';
import { busyApi, fillCluster, foreignName, fullNodes } from './cluster.ts';
import { type Crowd, gather } from './crowd.ts';
import { type Flip, flipPods, type Lags, lagsOf } from './flips.ts';
import {
  addPodInterfaces,
  advertise,
  apiPort,
  costOf,
  differences,
  hold,
  type ProcessCost,
  startSyncedAgent,
  stopAgent,
} from './node.ts';
import { Progress } from './progress.ts';
import { type Traffic, Wire } from './wire.ts';

export interface Size {
  /** Pods of the node, and of the whole cluster with them. */
  pods: number;
  cluster: number;
  /** Readiness flips a second, and for how many seconds. */
  rate: number;
  seconds: number;
}

export interface Start extends ProcessCost {
  firstRequestMs: number;
  syncedMs: number;
  traffic: Traffic;
}

export interface Figures {
  size: Size;
  /** An agent whose node has no pods, and one whose node has all of them. */
  empty: Start;
  full: Start;
  flips: Lags & {
    asked: number;
    perSecond: number;
    agent: ProcessCost;
    traffic: Traffic;
    observerDelayMs: number;
  };
  /** Route events in the kernel while the agent ended and another one took over. */
  restart: { syncedMs: number; routeEvents: number };
  crowd: Crowd;
}

export interface Outcome {
  figures: Figures;
  /** A description of each guarantee that does not hold. */
  failures: string[];
}

const settledMs = 120_000;
/** More would measure the processors that they share with the server. */
const crowdSize = 500;

export async function measure(size: Size, signal: AbortSignal): Promise<Outcome> {
  const lab = await Lab.create();
  const ends: (() => unknown)[] = [() => lab.destroy()];
  const failures: string[] = [];
  const step = <T>(what: string, work: (progress: Progress) => Promise<T>) => Progress.of(what, signal, work);
  try {
    const dir = join(lab.dir, 'api');
    mkdirSync(dir);
    const server = await step('starting kube-apiserver', () => startKubeApiServer({ dir }));
    ends.push(() => server.stop());
    const api = busyApi(server);
    ends.push(() => api.close());
    const name = 'node-1';
    await step(`creating ${size.cluster.toLocaleString('en')} pods`, progress =>
      fillCluster(api, { node: name, local: size.pods, all: size.cluster }, progress),
    );
    const node = await lab.namespace('node');
    await step(`making ${size.pods} interfaces`, async () =>
      addPodInterfaces(node, await lab.namespace('pods'), size.pods),
    );
    const path = join(dir, 'proxy.sock');
    const proxy = await ApiProxy.start(server, { path });
    ends.push(() => proxy.close());
    await answerIn(node, { port: apiPort, path });
    const wire = new Wire(proxy, foreignName);
    const expectTruth = (when: string) =>
      eventually(
        () => `the API server’s state in the kernel ${when}`,
        async () => (await differences(node, api, name, size.pods)).length === 0,
        { timeoutMs: settledMs, intervalMs: 500 },
      ).catch(async () =>
        failures.push(
          ...(await differences(node, api, name, size.pods)).slice(0, 10).map(each => `${when}: ${each}`),
        ),
      );
    const start = async (nodeName: string) => {
      wire.sinceLast();
      const agent = await startSyncedAgent({ lab, node }, api, proxy, nodeName);
      const { firstRequestMs, syncedMs } = agent;
      return { agent, figures: { firstRequestMs, syncedMs, ...costOf(agent), traffic: wire.sinceLast() } };
    };

    const emptyName = 'node-without-pods';
    await api.request('POST', '/api/v1/nodes', { metadata: { name: emptyName } });
    const empty = await step('starting an agent without pods', () => start(emptyName));
    await stopAgent(empty.agent);
    const full = await step(`starting the agent of ${size.pods} pods`, () => start(name));
    await expectTruth('after the start');
    const routes = watchRoutes(node, [advertise, hold]);
    ends.push(() => routes.stop());
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const cpuBefore = costOf(full.agent).cpuMs;
    const flips = await step(`${size.rate} flips a second for ${size.seconds} s`, progress =>
      flipPods(api, size, progress),
    );
    await expectTruth('after the flips');
    delay.disable();
    const traffic = wire.sinceLast();
    const lags = lagsOf(flips, routes.seen, advertise);
    const agent = costOf(full.agent);
    agent.cpuMs -= cpuBefore;
    // A watcher that is too slow for the server is cut off, and a list gives it the outcome of what it missed.
    if (lags.seen === 0) failures.push(`of ${flips.length} flips none was seen in the kernel`);
    if (traffic.lists === 0 && traffic.events < flips.length)
      failures.push(`of ${flips.length} flips ${traffic.events} crossed the wire`);

    routes.seen.length = 0;
    await stopAgent(full.agent);
    const again = await step('starting another agent in its place', () => start(name));
    await expectTruth('after the restart');
    const routeEvents = routes.seen.length;
    if (routeEvents > 0) failures.push(`the restart of the agent changed ${routeEvents} routes`);
    await stopAgent(again.agent);

    const otherNodes = fullNodes({ local: size.pods, all: size.cluster });
    const crowd = await step(`starting ${crowdSize} other nodes at once`, progress =>
      gather(api, join(dir, 'crowd'), { nodes: crowdSize, otherNodes }, progress),
    );

    const foreign = [...wire.foreign];
    if (foreign.length > 0)
      failures.push(`${foreign.length} pods of other nodes crossed the wire: ${foreign.slice(0, 3)}`);
    return {
      failures,
      figures: {
        size,
        empty: empty.figures,
        full: full.figures,
        flips: {
          asked: flips.length,
          perSecond: rateOf(flips),
          ...lags,
          agent,
          traffic,
          observerDelayMs: Math.round(delay.percentile(99) / 1e4) / 100,
        },
        crowd,
        restart: { syncedMs: again.figures.syncedMs, routeEvents },
      },
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** How many a second were sent: fewer than wanted when the server is slow. */
function rateOf(flips: readonly Flip[]): number {
  const lasted = (flips.at(-1)?.sentAt ?? 0) - (flips[0]?.sentAt ?? 0);
  return Math.round((flips.length * 1000) / lasted);
}
