/**
 * One object for targets that are the same: destinations that are served by the same pods share their target, so
 * that whoever makes something of it makes it once. Only a saving: what was shared may come as another object later.
 */
import { canonicalNexthops } from './resolve.ts';
import type { Nexthop } from './views.ts';

/** What is wanted for one destination. */
export interface DesiredTarget {
  /** In canonical order; none when nobody serves it. */
  readonly nexthops: readonly Nexthop[];
  /**
   * Set when nobody takes new traffic: withdraw, and forward on until this time, in milliseconds of the clock.
   * A route that is not there is not made.
   */
  readonly holdUntil?: number;
}

interface Shared {
  /** In the order in which they were given. */
  readonly parts: readonly Nexthop[];
  readonly target: DesiredTarget;
}

/** Different targets that are kept in mind; a power of two. */
const slots = 1024;

export class SharedTargets {
  readonly #shared: (Shared | undefined)[] = new Array(slots).fill(undefined);

  /**
   * @param parts nexthops in any order, not kept
   * @param hash of the parts, such as of numbers of the pods: equal parts have equal ones
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
