/**
 * Takes everything of ours out of the kernel: of the present configuration and of every one remembered.
 * Withdrawn first, so that nobody sends here any more; then removed. Cut short anywhere, what is left forwards,
 * and the next run finishes.
 */
import { setTimeout } from 'node:timers/promises';
import { requireNetAdmin } from '../base/capabilities.ts';
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { describeIdentity, routeIdentityOf, sameIdentity } from '../config/route-identity.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';
import { destinationOfView } from '../kernel/socket/route-view.ts';
import { IdentityMemory } from '../ownership/identity-memory.ts';
import { IdentityRoutes } from '../ownership/identity-routes.ts';
import { claimNamespace } from '../ownership/namespace-claim.ts';
import { withdrawFromBird } from './bird-withdrawal.ts';
import { confirm } from './confirm.ts';

export interface FlushOptions {
  config: ResolvedAgentConfig;
  /** Do not ask. */
  yes: boolean;
  /** Aborts to stop before anything is removed. */
  signal: AbortSignal;
  /** Tells a person, a line a call. */
  say: (line: string) => void;
  log: Log;
}

/**
 * At least so long, in milliseconds, withdrawn routes forward before they are removed: BIRD takes 250 for a burst
 * of 10,000, and its peers have to act on it.
 */
const leastSettleMs = 1000;

/** So many routes are named, one a line; of more, their number. */
const named = 20;

/**
 * @throws FlockError FLOCK_NO_NET_ADMIN, FLOCK_ALREADY_RUNNING, FLOCK_STATE_INVALID, FLOCK_NOT_CONFIRMED with
 *   nothing changed; FLOCK_INTERRUPTED, FLOCK_FLUSH_INCOMPLETE, or of BIRD, with routes left that still forward
 */
export async function flush({ config, yes, signal, say, log }: FlushOptions): Promise<void> {
  requireNetAdmin();
  await using _claim = await claimNamespace('flush');
  await using socket = new RouteSocket();
  const memory = new IdentityMemory(config.state.path);
  await memory.load();
  const present = routeIdentityOf(config.routes);
  const former = memory.identities.filter(identity => !sameIdentity(identity, present));
  const ours = [present, ...former].map(identity => new IdentityRoutes(socket, identity));

  let count = 0;
  for (const routes of ours) count += await tell(routes, say);
  if (count > 0) {
    await confirm(
      `Withdraw and remove ${count === 1 ? 'this route' : `these ${count} routes`}?`,
      yes,
      signal,
    );
    for (const routes of ours) await routes.hold(await routes.read());
    say(`withdrew ${count} route(s); they forward on for a moment`);
  }
  const told = await withdrawFromBird(config, log);
  if (told !== undefined) say(told);
  if (count > 0) {
    const settleMs = Math.max(config.reconcile.settleMs, leastSettleMs);
    await setTimeout(settleMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw interrupted(count);
    for (const routes of ours) await removeAll(routes);
    say(`removed ${count} route(s)`);
  }
  for (const routes of ours) await routes.removeIdleObjects(ours);
  await memory.forget(memory.identities);
  say('nothing of flock-anycast is left in the kernel of this network namespace');
}

async function tell(routes: IdentityRoutes, say: (line: string) => void): Promise<number> {
  const views = await routes.read();
  say(`${describeIdentity(routes.identity)}: ${views.length} route(s)`);
  for (const view of views.slice(0, named)) {
    const announced = view.protocol === routes.identity.protocols.advertise;
    say(`  ${destinationOfView(view)}${announced ? '' : ', no longer announced'}`);
  }
  if (views.length > named) say(`  and ${views.length - named} more`);
  return views.length;
}

async function removeAll(routes: IdentityRoutes): Promise<void> {
  const failed = await routes.remove(await routes.read());
  const left = await routes.read();
  if (left.length === 0) return;
  const [first] = failed;
  const words = `${left.length} route(s) of ${describeIdentity(routes.identity)} are still there`;
  const why = first === undefined ? 'somebody adds them again' : first.why;
  throw new FlockError('FLOCK_FLUSH_INCOMPLETE', `${words}: ${why}`, {
    value: left.map(destinationOfView),
    remedy: 'find who adds them (ip monitor route), and run it again',
  });
}

function interrupted(count: number): FlockError {
  return new FlockError(
    'FLOCK_INTERRUPTED',
    `${count} route(s) are withdrawn and forward on; none was removed`,
    {
      remedy: 'run it again to remove them, or start the agent to announce them again',
    },
  );
}
