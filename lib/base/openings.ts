/** What runs beside the routing, each opened in its own time: the listener, the local API, the state file. */
import { RetriedOpening, type RetriedOpeningOptions } from './retried-opening.ts';

export class Openings {
  readonly #parts = new Map<string, RetriedOpening>();

  /**
   * @param part its name in `/status` and in the metric
   * @returns the opening, started: it is tried until it succeeds
   */
  add(part: string, options: RetriedOpeningOptions): RetriedOpening {
    const opening = new RetriedOpening(options);
    this.#parts.set(part, opening);
    opening.start();
    return opening;
  }

  /** By part, whether it is open, and if not, why. */
  states(): { part: string; open: boolean; problem: string | undefined }[] {
    return [...this.#parts].map(([part, { isOpen, problem }]) => ({
      part,
      open: isOpen,
      problem: problem?.message,
    }));
  }
}
