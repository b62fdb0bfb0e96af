/**
 * Keeps a link table as the kernel has it: notifications come in, and all links are read again when the table is in
 * doubt, which it is at the start, after lost notifications, and for an audit.
 *
 * A reading that fails leaves the doubt in place. Nothing retries here: who needs the links reads them while
 * `inDoubt`.
 */
import { Doubt } from './doubt.ts';
import type { LinkTable } from './link-table.ts';
import type { KernelChanges, RouteSocket } from './route-socket.ts';

type LinkChanges = KernelChanges['links'];

export class FollowedLinks {
  readonly #socket: Pick<RouteSocket, 'links'>;
  readonly #links: LinkTable;
  readonly #doubt = new Doubt();
  /** For each reading under way, the notifications that have come since it began. */
  readonly #readings = new Set<LinkChanges[]>();

  constructor(socket: Pick<RouteSocket, 'links'>, links: LinkTable) {
    this.#socket = socket;
    this.#links = links;
  }

  /** Whether the links have to be read before a decision rests on them. */
  get inDoubt(): boolean {
    return this.#doubt.isOpen;
  }

  raiseDoubt(): void {
    this.#doubt.raise();
  }

  /** Takes notifications in, in their order. @returns names whose number or usability changed */
  update(changes: LinkChanges): Set<string> {
    for (const meanwhile of this.#readings) meanwhile.push(changes);
    return this.#links.update(changes);
  }

  /**
   * Reads all links, and takes in again what was notified during the reading: the answer may be older.
   *
   * @returns names whose number or usability changed
   * @throws NativeError when they can not be read; the table stays as it was, and in doubt
   */
  async read(): Promise<Set<string>> {
    const answered = this.#doubt.raised;
    const meanwhile: LinkChanges[] = [];
    this.#readings.add(meanwhile);
    try {
      const changed = this.#links.replace(await this.#socket.links());
      for (const name of this.#links.update(meanwhile.flat())) changed.add(name);
      this.#doubt.answer(answered);
      return changed;
    } finally {
      this.#readings.delete(meanwhile);
    }
  }
}
