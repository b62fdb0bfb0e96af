/** The agent's way out with `--withdraw-on-exit`. */

import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { AnycastReconciler } from './reconciler.ts';

/** How much longer than the drain the way out may take, in milliseconds: a BIRD that hangs must not keep us. */
const withdrawalSlackMs = 2000;

/** Takes everything out as a drain does: withdrawn, forwarded on for `drainMs`, removed. */
export async function withdraw(
  reconciler: AnycastReconciler,
  table: RouteTable,
  drainMs: number,
  log: Log,
): Promise<void> {
  log.info({ drainMs, destinations: table.counts().advertised }, 'withdrawing everything before the end');
  const started = systemClock.now();
  reconciler.withdrawEverything(started + drainMs);
  const bound = AbortSignal.timeout(drainMs + withdrawalSlackMs);
  await reconciler.run(bound, () => table.isEmpty);
  const { advertised, held } = table.counts();
  if (table.isEmpty) log.info('stopped; every route is removed');
  else
    log.warn({ advertised, held }, 'stopped before every route was removed; starting again sees to the rest');
}
