/**
 * How flows are shared out among the pods of a destination: by each pod's weight, and with resilient groups a pod
 * that drains keeps the flows it has and is given next to no new ones. Pure.
 */
import type { Nexthop, PodView } from './views.ts';

/** A pod's wish for its share: a whole number from 1 to `heaviest`; without it, 1. */
export const weightAnnotation = 'flock-anycast.io/weight';

/** So that a draining pod's part is at most a hundredth of the lightest other's. */
const heaviest = 100;
/** What the kernel takes at most in every version, `RTNH` and nexthop groups alike. */
const heaviestNexthop = 255;

export function weightOf(pod: PodView): number {
  return weightIn(pod.annotations?.[weightAnnotation]) ?? 1;
}

/** Why the pod's wish counts for nothing; undefined when all is well. */
export function weightProblem(pod: PodView): string | undefined {
  const text = pod.annotations?.[weightAnnotation];
  if (text === undefined || weightIn(text) !== undefined) return undefined;
  return `${weightAnnotation}: ${JSON.stringify(text)} is not a whole number from 1 to ${heaviest}`;
}

function weightIn(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,2}$/.test(text)) return undefined;
  const weight = Number(text);
  return weight <= heaviest ? weight : undefined;
}

/** Nexthops with other weights than their pods have, each made once: who shares them compares references. */
export class Reweighted {
  readonly #known = new WeakMap<Nexthop, Map<number, Nexthop>>();

  get(nexthop: Nexthop, weight: number): Nexthop {
    if (nexthop.weight === weight) return nexthop;
    let known = this.#known.get(nexthop);
    if (known === undefined) {
      known = new Map();
      this.#known.set(nexthop, known);
    }
    let other = known.get(weight);
    if (other === undefined) {
      other = { ...nexthop, weight };
      known.set(weight, other);
    }
    return other;
  }
}

/**
 * @param heaviestServing the largest weight among those that serve
 * @returns the factor of their weights while others drain at weight 1
 */
export function servingFactor(heaviestServing: number): number {
  return Math.floor(heaviestNexthop / heaviestServing);
}
