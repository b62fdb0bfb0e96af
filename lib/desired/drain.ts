/**
 * How a pod leaves: a terminating pod that still serves is drained, any other pod leaves at once. Pure.
 *
 * A drain of a destination's last pod first withdraws the route, which forwards for some time longer. The drain must
 * end early when the pod no longer serves: the held route to a dead pod would win over the BGP path to another node,
 * and packets of this node's own clients would be lost.
 */
import { quoted } from '../base/quoted.ts';
import type { PodView } from './views.ts';

/** How long pods that leave are still forwarded to. */
export interface DrainPolicy {
  /** How long packets are still forwarded to a terminating pod, in milliseconds. */
  terminatingMs: number;
  /** The longest that a pod may ask for by annotation, in milliseconds. */
  longestMs: number;
  /** How long packets are still forwarded to a pod that is not Ready and not terminating, in milliseconds. */
  notReadyMs: number;
  /**
   * Whether a terminating pod drains by weight while other pods serve: it keeps its flows and gets almost no new
   * ones. This needs resilient groups; otherwise the pod leaves at once.
   */
  byWeight?: boolean;
}

/** The drain time that a pod requests, in seconds; limited by `longestMs`. */
export const drainAnnotation = 'flock-anycast.io/drain-seconds';

/** A pod serves, drains for `forMs` milliseconds from now, or contributes nothing. */
export type Phase = { kind: 'serving' } | { kind: 'draining'; forMs: number } | { kind: 'gone' };

const gone: Phase = { kind: 'gone' };

/**
 * @param served whether the pod served or drained until now; a pod that never did has nothing to drain
 * @param isHeld whether its condition Ready counts as True, because it is False not by the pod's own word
 */
export function phaseOf(pod: PodView, served: boolean, policy: DrainPolicy, isHeld = false): Phase {
  const ready = pod.ready || isHeld;
  if (pod.containersTerminated) return gone;
  if (pod.terminating) return ready ? draining(requestedDrainOf(pod, policy)) : gone;
  if (ready) return { kind: 'serving' };
  return served ? draining(policy.notReadyMs) : gone;
}

/** Why the requested drain time is ignored or shortened; undefined when it is valid or absent. */
export function requestedDrainProblem(pod: PodView, { longestMs }: DrainPolicy): string | undefined {
  const text = pod.annotations?.[drainAnnotation];
  if (text === undefined) return undefined;
  const seconds = secondsIn(text);
  if (seconds === undefined) return `${drainAnnotation}: ${quoted(text)} is not a number of seconds`;
  if (seconds * 1000 > longestMs) {
    return `${drainAnnotation}: ${text} seconds is more than the longest allowed, ${longestMs / 1000}`;
  }
  return undefined;
}

/** In milliseconds; the policy's own drain time where the pod requests none. */
function requestedDrainOf(pod: PodView, { terminatingMs, longestMs }: DrainPolicy): number {
  const seconds = secondsIn(pod.annotations?.[drainAnnotation] ?? '');
  return seconds === undefined ? terminatingMs : Math.min(seconds * 1000, longestMs);
}

function secondsIn(text: string): number | undefined {
  return /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : undefined;
}

function draining(forMs: number): Phase {
  return forMs > 0 ? { kind: 'draining', forMs } : gone;
}
