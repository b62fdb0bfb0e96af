/** Looks for shadows beside the passes, one look at a time; the next pass reports what it found. */

import type { Log } from '../../base/log.ts';
import type { LinkTable } from '../socket/link-table.ts';
import type { RouteSocket } from '../socket/route-socket.ts';
import type { AnnouncedRoute } from '../state/route-entry.ts';
import { findShadows, type Shadow } from './shadows.ts';

export interface ShadowWatchOptions {
  socket: Pick<RouteSocket, 'lookup'>;
  /** Gives what is announced now. */
  announced: () => AnnouncedRoute[];
  links: LinkTable;
  log: Log;
  /** Called when shadows were found, or are no more. */
  onChange: () => void;
}

export class ShadowWatch {
  readonly #options: ShadowWatchOptions;
  readonly #stopping = new AbortController();
  #looking = false;
  #found: Shadow[] | undefined;
  /** Whether the last look found some. */
  #any = false;

  constructor(options: ShadowWatchOptions) {
    this.#options = options;
  }

  /** Through all that is announced now. A look that fails is taken again when the next one is due. */
  look(): void {
    if (this.#looking) return;
    this.#looking = true;
    const { socket, announced, links, log } = this.#options;
    findShadows(socket, announced(), links, this.#stopping.signal)
      .then(
        shadows => this.#take(shadows),
        error =>
          log.debug(
            { error },
            'can not look up where the kernel sends packets; trying again at the next audit',
          ),
      )
      .finally(() => {
        this.#looking = false;
      });
  }

  /** What a look since the last call found; undefined without one. */
  take(): Shadow[] | undefined {
    const found = this.#found;
    this.#found = undefined;
    return found;
  }

  stop(): void {
    this.#stopping.abort();
  }

  #take(shadows: Shadow[]): void {
    this.#found = shadows;
    const news = shadows.length > 0 || this.#any;
    this.#any = shadows.length > 0;
    if (news) this.#options.onChange();
  }
}
