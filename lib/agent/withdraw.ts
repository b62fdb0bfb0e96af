/** Withdraws everything before the agent stops (`--withdraw-on-exit`). */

import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { RouteTable } from '../kernel/route-table.ts';
import type { AnycastReconciler } from './reconciler.ts';

/** How much longer than the drain the withdrawal may take, in milliseconds: the agent must stop while BIRD hangs. */
const withdrawalSlackMs = 2000;

/** Withdraws every route, forwards for `drainMs` longer, then removes it. */
export async function withdraw(
  reconciler: AnycastReconciler,
  table: RouteTable,
  drainMs: number,
  log: Log,
): Promise<void> {
  log.info(
    { drainMs, destinations: table.counts().advertised },
    'withdrawing every destination before stopping',
  );
  const started = systemClock.now();
  reconciler.withdrawEverything(started + drainMs);
  const bound = AbortSignal.timeout(drainMs + withdrawalSlackMs);
  await reconciler.run(bound, () => table.isEmpty);
  const { advertised, held } = table.counts();
  if (table.isEmpty) log.info('stopped; every route is removed');
  else
    log.warn(
      { advertised, held, remedy: 'start the agent again, or remove the rest with flock-anycast flush' },
      'stopped before every route was removed',
    );
}
