/** Measures the time from each flip to the end of the pass that programs it. */
import type { AgentSide } from '../agent-side.ts';

export class Lags {
  /** Milliseconds of every flip that is in the kernel. */
  readonly all: number[] = [];
  /** Flips that a pass handled together with an earlier flip of the same pod. */
  coalesced = 0;
  /** Called with each lag. */
  onLag: (ms: number) => void = () => {};
  /** The times of each pod's flips that no pass has read yet. */
  #waiting = new Map<string, number[]>();
  /** The times of flips that the present pass has read. */
  #taken = new Map<string, number[]>();

  constructor(agent: AgentSide) {
    agent.onPassBegins = () => {
      this.#taken = this.#waiting;
      this.#waiting = new Map();
    };
    agent.onPassEnds = () => this.#settle(performance.now());
  }

  /** Whether some flip is not in the kernel yet. */
  get pending(): boolean {
    return this.#waiting.size + this.#taken.size > 0;
  }

  /** Records that a pod flips now. */
  came(pod: string): void {
    const times = this.#waiting.get(pod) ?? [];
    times.push(performance.now());
    this.#waiting.set(pod, times);
  }

  #settle(now: number): void {
    for (const times of this.#taken.values()) {
      this.coalesced += times.length - 1;
      for (const at of times) {
        this.all.push(now - at);
        this.onLag(now - at);
      }
    }
    this.#taken = new Map();
  }
}
