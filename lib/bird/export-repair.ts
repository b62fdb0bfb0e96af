/** Checks what BIRD exports, and repairs what stays different: the route is announced again, at worst BIRD reloads. */
import type { Destination } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ExportAudit } from './export-audit.ts';

export interface ExportRepairOptions {
  audit: ExportAudit;
  /** What the kernel announces. */
  announced: () => ReadonlySet<Destination>;
  /** Has BIRD hear of these destinations again, as they are. */
  reannounce: (destinations: Destination[]) => void;
  /** Has BIRD read the kernel again. */
  reload: () => Promise<unknown>;
  clock: Pick<Clock, 'after'>;
  /** Between two checks, in milliseconds. */
  everyMs: number;
  log: Log;
}

/** A difference is looked at again so many milliseconds later: most are changes on their way. */
const confirmAfterMs = 1000;
/** So often a reminder is tried before BIRD is reloaded. */
const reminders = 2;

export class ExportRepair {
  readonly #options: ExportRepairOptions;
  #cancel: () => void = () => {};
  #stopped = false;
  /** Checks in a row that found a lasting difference. */
  #unhealed = 0;

  constructor(options: ExportRepairOptions) {
    this.#options = options;
  }

  start(): void {
    this.#rest();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** One check, and its cure. */
  async check(): Promise<void> {
    const { audit, announced, reannounce, reload, log } = this.#options;
    const { missing, extra } = await audit.check(announced);
    if (missing.length + extra.length === 0) {
      this.#unhealed = 0;
      return;
    }
    this.#unhealed++;
    log.warn(
      { code: 'BIRD_EXPORT_DIFFERS', missing, extra, checks: this.#unhealed },
      `BIRD does not export ${missing.length} destination(s) that the kernel announces, and exports ${extra.length} that it does not`,
    );
    if (this.#unhealed > reminders) await reload();
    else reannounce([...missing, ...extra]);
  }

  #rest(): void {
    if (this.#stopped) return;
    const { clock, audit, everyMs, log } = this.#options;
    this.#cancel = clock.after(audit.suspicious ? confirmAfterMs : everyMs, () => {
      this.check()
        .catch(error => log.error({ error }, 'can not check what BIRD exports'))
        .finally(() => this.#rest());
    });
  }
}
