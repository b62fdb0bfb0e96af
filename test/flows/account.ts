/** Computes the losses of each phase from single events. Pure. */
import { type Family, type FlowEvent, families } from './clients.ts';

export interface Phase {
  name: 'calm' | 'drain' | 'removal' | 'join' | 'veth';
  /** The pod that it is about. */
  pod: string | undefined;
  /** Milliseconds of the same clock as the events'. */
  from: number;
  to: number;
}

/** Connections that broke. */
export interface Broken {
  busy: number;
  idle: number;
}

export interface PhaseCost {
  name: Phase['name'];
  family: Family;
  pod: string | undefined;
  seconds: number;
  /** Connections that the pod in question had when the phase began. */
  had: Broken;
  /** Broken ones of these. */
  own: Broken;
  /** Broken connections of other pods. */
  others: Broken;
  /** Broken before a pod answered. */
  unanswered: number;
  /** Connections that were never established. */
  failed: number;
  /** Of the new ones, how many came to each pod, as parts of one. */
  opened: Record<string, number>;
  /** Busy connections of each pod at the end. */
  held: Record<string, number>;
}

export function costsOf(phases: readonly Phase[], events: readonly FlowEvent[]): PhaseCost[] {
  return phases.flatMap(phase => families.map(family => costOf(phase, family, events)));
}

function costOf({ name, pod, from, to }: Phase, family: Family, all: readonly FlowEvent[]): PhaseCost {
  const events = all.filter(event => event.family === family);
  const during = events.filter(({ at }) => at >= from && at < to);
  const broken = during.filter(({ what, server }) => what === 'broken' && server !== undefined);
  const arrivals = during.filter(({ what, kind }) => what === 'opened' && kind === 'new');
  const before = serversAt(events, from);
  const had = (kind: keyof Broken) => before[kind].get(pod ?? '') ?? 0;
  return {
    name,
    family,
    pod,
    seconds: Math.round((to - from) / 100) / 10,
    had: { busy: had('busy'), idle: had('idle') },
    own: count(broken.filter(({ server }) => server === pod)),
    others: count(broken.filter(({ server }) => server !== pod)),
    unanswered: during.filter(({ what, server }) => what === 'broken' && server === undefined).length,
    failed: during.filter(({ what }) => what === 'failed').length,
    opened: shares(arrivals.map(({ server = '' }) => server)),
    held: sorted(serversAt(events, to).busy),
  };
}

function count(broken: readonly FlowEvent[]): Broken {
  const of = (kind: keyof Broken) => broken.filter(event => event.kind === kind).length;
  return { busy: of('busy'), idle: of('idle') };
}

function shares(servers: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const server of servers) counts.set(server, (counts.get(server) ?? 0) + 1);
  return sorted(
    new Map([...counts].map(([server, sum]) => [server, Math.round((sum / servers.length) * 1000) / 1000])),
  );
}

export function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([left], [right]) => left.localeCompare(right)));
}

/** How many connections of each kind that stay each pod has at a time. */
function serversAt(events: readonly FlowEvent[], time: number) {
  const counts = { busy: new Map<string, number>(), idle: new Map<string, number>() };
  for (const { at, what, kind, server } of events) {
    if (at >= time) break;
    const change = what === 'opened' ? 1 : what === 'broken' ? -1 : 0;
    if (kind === 'new' || server === undefined) continue;
    counts[kind].set(server, (counts[kind].get(server) ?? 0) + change);
  }
  return counts;
}
