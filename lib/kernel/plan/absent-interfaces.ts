/** Interfaces that are wanted and not there, or down; each is told once, until it has come. */
import type { LinkTable } from '../socket/link-table.ts';

export class AbsentInterfaces {
  readonly #links: LinkTable;
  readonly #absent = new Set<string>();
  #untold: string[] = [];

  constructor(links: LinkTable) {
    this.#links = links;
  }

  /** Somebody wants this interface. */
  note(name: string): void {
    if (this.#links.usableIndex(name) !== undefined) this.#absent.delete(name);
    else if (!this.#absent.has(name)) {
      this.#absent.add(name);
      this.#untold.push(name);
    }
  }

  /** Those found absent since the last call. */
  take(): string[] {
    const untold = this.#untold;
    if (untold.length > 0) this.#untold = [];
    return untold;
  }
}
