/**
 * How flows are distributed among the pods of a destination: by each pod's weight. With resilient groups, a pod that
 * drains keeps its flows and gets almost no new ones. No I/O.
 */
import { quoted } from '../base/quoted.ts';
import type { Nexthop, PodView } from './views.ts';

/** The weight that a pod requests: a whole number from 1 to `heaviest`; without it, 1. */
export const weightAnnotation = 'flock-anycast.io/weight';

/** Leaves room for the factor by which the weights of serving pods are multiplied while another pod drains. */
const heaviest = 100;
/** The largest weight that every kernel version accepts, in multipath routes and in nexthop groups. */
const heaviestNexthop = 255;

export function weightOf(pod: PodView): number {
  return weightIn(pod.annotations?.[weightAnnotation]) ?? 1;
}

/** Why the requested weight is ignored; undefined when it is valid or absent. */
export function weightProblem(pod: PodView): string | undefined {
  const text = pod.annotations?.[weightAnnotation];
  if (text === undefined || weightIn(text) !== undefined) return undefined;
  return `${weightAnnotation}: ${quoted(text)} is not a whole number from 1 to ${heaviest}`;
}

function weightIn(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,2}$/.test(text)) return undefined;
  const weight = Number(text);
  return weight <= heaviest ? weight : undefined;
}

/** Nexthops with another weight than their pod's, each created once: `SharedTargets` compares references. */
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
 * @param heaviestServing the largest weight among the pods that serve
 * @returns the factor for their weights while others drain with weight 1
 */
export function servingFactor(heaviestServing: number): number {
  return Math.floor(heaviestNexthop / heaviestServing);
}
