/**
 * One object for equal targets: destinations with the same pods share their target, so that derived values are
 * computed once. No I/O. This only saves work: an equal target may be another object later.
 */
import { canonicalNexthops } from './resolve.ts';
import type { Nexthop } from './views.ts';

/** The desired route of one destination. */
export interface DesiredTarget {
  /** In canonical order; empty when no pod serves the destination. */
  readonly nexthops: readonly Nexthop[];
  /**
   * Set when no pod takes new traffic: withdraw, and forward until this time, in milliseconds of the clock.
   * A route that does not exist is not created for it.
   */
  readonly holdUntil?: number;
}

interface Shared {
  /** In the order of the caller. */
  readonly parts: readonly Nexthop[];
  readonly target: DesiredTarget;
}

/** How many different targets are remembered; a power of two. */
const slots = 1024;

export class SharedTargets {
  readonly #shared: (Shared | undefined)[] = new Array(slots).fill(undefined);

  /**
   * @param parts nexthops in any order; the array is not kept
   * @param hash of the parts, such as of the pods' ids: equal for equal parts
   */
  get(parts: readonly Nexthop[], hash: number, holdUntil: number | undefined): DesiredTarget {
    const slot = hash & (slots - 1);
    const shared = this.#shared[slot];
    if (shared !== undefined && shared.target.holdUntil === holdUntil && areSame(shared.parts, parts))
      return shared.target;
    const nexthops = canonicalNexthops(parts);
    const target = holdUntil === undefined ? { nexthops } : { nexthops, holdUntil };
    this.#shared[slot] = { parts: parts.slice(), target };
    return target;
  }
}

function areSame(left: readonly Nexthop[], right: readonly Nexthop[]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}
