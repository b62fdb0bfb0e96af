/**
 * How a pod leaves: a terminating pod that still serves is drained, anything else stops at once. Pure.
 *
 * A drain of a destination's last pod withdraws first and forwards on for a while. It must end early when the pod no longer serves: a held
 * route to a dead pod would beat the BGP path to another node, and blackhole this node's own clients.
 */
import { isEligible, type PodView } from './views.ts';

/** How long pods that leave are still forwarded to. */
export interface DrainPolicy {
  /** How long a terminating pod is still forwarded to, in milliseconds. */
  terminatingMs: number;
  /** The longest that a pod may ask for by annotation, in milliseconds. */
  longestMs: number;
  /** How long a pod that is not Ready, and not terminating, is still forwarded to, in milliseconds. */
  notReadyMs: number;
  /**
   * Whether a terminating pod beside others that serve drains by weight: it keeps the flows it has, and is given
   * next to no new ones. Only resilient groups can; otherwise it leaves at once.
   */
  byWeight?: boolean;
}

/** A pod's own wish, in seconds, within the policy's bounds. */
export const drainAnnotation = 'flock-anycast.io/drain-seconds';

/** A pod serves, drains for so many milliseconds from now, or contributes nothing. */
export type Phase = { kind: 'serving' } | { kind: 'draining'; forMs: number } | { kind: 'gone' };

const gone: Phase = { kind: 'gone' };

/**
 * @param served whether it served, or drained, until now; a pod that never did has nothing to drain
 */
export function phaseOf(pod: PodView, served: boolean, policy: DrainPolicy): Phase {
  if (isEligible(pod)) return { kind: 'serving' };
  if (pod.terminating) {
    const serves = pod.ready && !pod.containersTerminated;
    return serves ? draining(wishOf(pod, policy)) : gone;
  }
  return served ? draining(policy.notReadyMs) : gone;
}

/** Why the pod's wish counts for nothing, or for less than it says; undefined when all is well. */
export function wishProblem(pod: PodView, { longestMs }: DrainPolicy): string | undefined {
  const text = pod.annotations?.[drainAnnotation];
  if (text === undefined) return undefined;
  const seconds = secondsIn(text);
  if (seconds === undefined) return `${drainAnnotation}: ${JSON.stringify(text)} is not a number of seconds`;
  if (seconds * 1000 > longestMs) {
    return `${drainAnnotation}: ${text} seconds is more than the longest allowed, ${longestMs / 1000}`;
  }
  return undefined;
}

function wishOf(pod: PodView, { terminatingMs, longestMs }: DrainPolicy): number {
  const seconds = secondsIn(pod.annotations?.[drainAnnotation] ?? '');
  return seconds === undefined ? terminatingMs : Math.min(seconds * 1000, longestMs);
}

function secondsIn(text: string): number | undefined {
  return /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : undefined;
}

function draining(forMs: number): Phase {
  return forMs > 0 ? { kind: 'draining', forMs } : gone;
}
