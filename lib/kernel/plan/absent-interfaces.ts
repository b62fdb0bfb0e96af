/** Interfaces that are wanted and missing or down; each is reported once while it is absent. */
import type { LinkTable } from '../socket/link-table.ts';

export class AbsentInterfaces {
  readonly #links: LinkTable;
  readonly #absent = new Set<string>();
  #unreported: string[] = [];

  constructor(links: LinkTable) {
    this.#links = links;
  }

  /** A destination wants this interface. */
  note(name: string): void {
    if (this.#links.usableIndex(name) !== undefined) this.#absent.delete(name);
    else if (!this.#absent.has(name)) {
      this.#absent.add(name);
      this.#unreported.push(name);
    }
  }

  /** Those found absent since the last call. */
  take(): string[] {
    const unreported = this.#unreported;
    if (unreported.length > 0) this.#unreported = [];
    return unreported;
  }
}
