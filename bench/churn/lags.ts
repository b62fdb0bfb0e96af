/** From each flip to the end of the pass that carried it out. */
import type { AgentSide } from '../agent-side.ts';

export class Lags {
  /** Milliseconds of every flip that is in the kernel. */
  readonly all: number[] = [];
  /** Flips that a pass took in together with an earlier one of the same pod. */
  coalesced = 0;
  /** Called with each lag. */
  onLag: (ms: number) => void = () => {};
  /** When the flips of each pod came that no pass has taken in yet. */
  #waiting = new Map<string, number[]>();
  /** Those that the pass under way has taken in. */
  #taken = new Map<string, number[]>();

  constructor(agent: AgentSide) {
    agent.onPassBegins = () => {
      this.#taken = this.#waiting;
      this.#waiting = new Map();
    };
    agent.onPassEnds = () => this.#settle(performance.now());
  }

  /** Whether something has come that is not in the kernel yet. */
  get pending(): boolean {
    return this.#waiting.size + this.#taken.size > 0;
  }

  /** A pod's flip comes now. */
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
