/** Checks what BIRD exports, and repairs lasting differences: announces the routes again, then reloads BIRD's protocols. */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ExportAudit } from './export-audit.ts';

export interface ExportRepairOptions {
  audit: ExportAudit;
  /** What the kernel announces. */
  announced: () => ReadonlySet<Destination>;
  /** Writes these routes to the kernel again, unchanged, so that BIRD gets a notification. */
  reannounce: (destinations: Destination[]) => void;
  /** Makes BIRD read the kernel's routes again. */
  reload: () => Promise<unknown>;
  clock: Pick<Clock, 'after'>;
  /** Between two checks, in milliseconds. */
  everyMs: number;
  log: Log;
}

/** How soon a difference is checked again, in milliseconds: most are changes that BIRD is still applying. */
const confirmAfterMs = 1000;
/** How often the routes are announced again before BIRD's protocols are reloaded. */
const attempts = 2;

export class ExportRepair {
  readonly #options: ExportRepairOptions;
  #cancel: () => void = () => {};
  #stopped = false;
  /** Checks in a row that found a lasting difference. */
  #differing = 0;
  /** The difference that was logged last: a lasting one is logged once. */
  #logged = '';

  constructor(options: ExportRepairOptions) {
    this.#options = options;
  }

  start(): void {
    this.#scheduleCheck();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** One check, and the repair of what it found. */
  async check(): Promise<void> {
    const { audit, announced, reannounce, reload, log } = this.#options;
    const { missing, extra } = await audit.check(announced);
    if (missing.length + extra.length === 0) {
      if (this.#logged !== '')
        log.info({ code: 'BIRD_EXPORT_DIFFERS' }, 'BIRD exports what the kernel announces');
      this.#differing = 0;
      this.#logged = '';
      return;
    }
    this.#differing++;
    const difference = JSON.stringify([missing, extra]);
    if (difference !== this.#logged) {
      log.warn(
        { code: 'BIRD_EXPORT_DIFFERS', missing, extra, checks: this.#differing },
        `BIRD does not export ${missing.length} destination(s) that the kernel announces, and exports ${extra.length} that it does not`,
      );
    }
    this.#logged = difference;
    if (this.#differing > attempts) await reload();
    else reannounce([...missing, ...extra]);
  }

  #scheduleCheck(): void {
    if (this.#stopped) return;
    const { clock, log } = this.#options;
    this.#cancel = clock.after(this.#pause, () => {
      this.check()
        .catch(error => log.error({ error }, 'can not check what BIRD exports'))
        .finally(() => this.#scheduleCheck());
    });
  }

  /** Until the next check, in milliseconds. A repair that did not help is tried again after twice the time. */
  get #pause(): number {
    const { audit, everyMs } = this.#options;
    if (!audit.suspicious) return everyMs;
    return Math.min(confirmAfterMs * 2 ** this.#differing, everyMs);
  }
}
