/** A node's pods as the agent receives them from a real API server. */
import type { ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { KubernetesPods } from '../../lib/sources/kubernetes/kubernetes-pods.ts';
import type { ListWatchTiming } from '../../lib/sources/kubernetes/list-watch-timing.ts';
import type { Pod } from '../../lib/sources/pods/pod.ts';
import { PodCache } from '../../lib/sources/pods/pod-cache.ts';
import { eventually } from './lab.ts';

export interface Line {
  level: number;
  event: string;
}

interface FollowOptions {
  kubeconfig: string;
  timing?: Partial<ListWatchTiming>;
  /** Where to keep what the source says, for who looks before it has a list. */
  lines?: Line[];
}

let nodes = 0;

/** A node of its own, so that no test sees another's pods, and a source that follows it. */
export async function followNode(
  t: ExecutionContext,
  { kubeconfig, timing = {}, lines = [] }: FollowOptions,
) {
  const node = `node-${++nodes}`;
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const cache = new PodCache();
  const source = new KubernetesPods({
    nodeName: node,
    kubeconfig,
    cache,
    log: pino({ messageKey: 'event' }, sink),
    annotationPrefixes: ['flock-anycast.io/'],
    timing,
  });
  t.teardown(() => source.stop());
  await source.start();
  await eventually('the first list', () => cache.synced);
  return {
    node,
    cache,
    warnings: () => lines.filter(({ level }) => level === 40).map(({ event }) => event),
    news: () => lines.map(({ event }) => event),
    pod: (name: string): Pod | undefined => cache.snapshot().get(`default/${name}`),
    /** Milliseconds until the cache notifies of a change. */
    async untilTold(act: () => Promise<unknown>): Promise<number> {
      const began = performance.now();
      const change = new Promise<number>(resolve => {
        const off = cache.onChange(() => {
          off();
          resolve(performance.now() - began);
        });
      });
      await act();
      return await change;
    },
  };
}
