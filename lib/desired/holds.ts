/**
 * Which pods are held: they were served, and their condition Ready is False, but not by their own word. When a node
 * does not report for a while, the node controller sets Ready to False on all its pods (ContainersReady stays True),
 * and it does so for every node at once when the API server was away. The kubelet's next statuses set it right; after
 * the node's own return they may take ten seconds. Pure: the time is passed in.
 */
import type { PodView } from './views.ts';

export class Holds {
  readonly #longestMs: number;
  readonly #onChange: (key: string, isHeld: boolean) => void;
  /** When each hold began, in milliseconds of the clock. */
  readonly #began = new Map<string, number>();
  /** Pods whose hold has ended: they are held again only after they were Ready. */
  readonly #ended = new Set<string>();
  /** Since when the node is Ready; undefined while it is not. */
  #nodeReadySince: number | undefined;

  /**
   * @param longestMs a hold ends this long after it began and after the node was Ready again, in milliseconds; without
   *   end while the node is not Ready. 0: no pod is ever held
   * @param onChange called when the hold of a pod begins and ends
   */
  constructor(longestMs: number, onChange: (key: string, isHeld: boolean) => void = () => {}) {
    this.#longestMs = longestMs;
    this.#onChange = onChange;
  }

  /** Pods that are held now, by `namespace/name`. */
  get keys(): Iterable<string> {
    return this.#began.keys();
  }

  get size(): number {
    return this.#began.size;
  }

  /** @param isReady whether the node's condition Ready is True */
  setNodeReady(isReady: boolean, now: number): void {
    if (!isReady) this.#nodeReadySince = undefined;
    else this.#nodeReadySince ??= now;
  }

  /** @param served whether the pod served until now. @returns whether it is held: its condition Ready counts as True */
  isHeld(key: string, pod: PodView, served: boolean, now: number): boolean {
    if (!pod.notOwnWord || pod.containersTerminated || !served) {
      this.forget(key);
      return false;
    }
    if (this.#longestMs === 0 || this.#ended.has(key)) return false;
    const began = this.#began.get(key) ?? now;
    if (this.#until(began) > now) {
      if (!this.#began.has(key)) this.#onChange(key, true);
      this.#began.set(key, began);
      return true;
    }
    this.#end(key);
    this.#ended.add(key);
    return false;
  }

  /** The pod is gone, or has no allocation any more. */
  forget(key: string): void {
    this.#end(key);
    this.#ended.delete(key);
  }

  /** When the next hold ends, in milliseconds of the clock; infinity when none does. */
  get nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const began of this.#began.values()) next = Math.min(next, this.#until(began));
    return next;
  }

  /** Pods whose hold ends at `now` or before. */
  due(now: number): string[] {
    return [...this.#began].filter(([, began]) => this.#until(began) <= now).map(([key]) => key);
  }

  #end(key: string): void {
    if (this.#began.delete(key)) this.#onChange(key, false);
  }

  #until(began: number): number {
    if (this.#nodeReadySince === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(began, this.#nodeReadySince) + this.#longestMs;
  }
}
