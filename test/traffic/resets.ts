/** The causes of connection resets, from the changes of pods at that time. Pure. */
import { pods } from '../support/anycast-net/plan.ts';
import type { Request } from './load.ts';
import { isReset } from './losses.ts';

export type ResetCause = keyof ResetCauses;

export interface ResetCauses {
  /** Its pod was terminating, or gone. */
  leaving: number;
  /** Its pod stayed, and others of its node came or went: the node led it to another, and could have saved it. */
  staying: number;
  /** The same for a client on that node itself: the kernel looks up the route of its own sockets again, by another hash. */
  own: number;
  /** Its pod's node was quiet: the router, or the node that it came from, led it to another node. */
  elsewhere: number;
  /** No pod had answered it yet. */
  unknown: number;
}

export interface Mark {
  at: number;
  what: string;
}

/** From the moment when a pod began to leave until its successor was Ready. */
interface Absence {
  name: string;
  from: number;
  to: number;
}

/** A pod that came takes buckets that fall idle in this time, in milliseconds. */
const settlingMs = 2000;

/** @param marks what was done to pods when, as a world notes it */
export function resetCauses(requests: readonly Request[], marks: readonly Mark[]): ResetCauses {
  const causes: ResetCauses = { leaving: 0, staying: 0, own: 0, elsewhere: 0, unknown: 0 };
  for (const [, cause] of causesOf(requests, marks)) causes[cause]++;
  return causes;
}

/** Each connection that was reset, with why. */
export function causesOf(requests: readonly Request[], marks: readonly Mark[]): Map<Request, ResetCause> {
  const absences = absencesIn(marks);
  return new Map(requests.filter(isReset).map(request => [request, causeOf(request, absences)]));
}

function causeOf({ from, server, sentAt, tookMs }: Request, absences: readonly Absence[]): ResetCause {
  if (server === undefined) return 'unknown';
  const at = sentAt + tookMs;
  if (absences.some(({ name, from, to }) => name === server && at >= from && at < to)) return 'leaving';
  const node = nodeOf(server);
  const restless = absences.some(
    ({ name, from, to }) => nodeOf(name) === node && at >= from && at < to + settlingMs,
  );
  if (!restless) return 'elsewhere';
  return from === node ? 'own' : 'staying';
}

function absencesIn(marks: readonly Mark[]): Absence[] {
  const absences: Absence[] = [];
  for (const { at, what } of marks) {
    const [, name = '', happening] = /^(\S+) (terminating|Ready again)$/.exec(what) ?? [];
    if (happening === 'terminating') absences.push({ name, from: at, to: Number.POSITIVE_INFINITY });
    const last = absences.findLast(absence => absence.name === name);
    if (happening === 'Ready again' && last !== undefined) last.to = at;
  }
  return absences;
}

function nodeOf(name: string): string | undefined {
  return pods.find(pod => pod.name === name)?.node;
}
