/**
 * Removes all our routes and nexthop objects from the kernel: of the present configuration and of every remembered
 * one. Routes are withdrawn first, so that no packets come here any more, and then removed. When it is interrupted,
 * the remaining routes still forward, and the next run finishes.
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
  /** Prints one line for the operator. */
  print: (line: string) => void;
  log: Log;
}

/**
 * The shortest time between withdrawal and removal, in milliseconds: BIRD takes 250 ms for a burst of 10,000 routes,
 * and its peers need time to act on it.
 */
const leastSettleMs = 1000;

/** How many routes are listed, one per line; of the rest only the number is printed. */
const named = 20;

/**
 * @throws FlockError FLOCK_NO_NET_ADMIN, FLOCK_ALREADY_RUNNING, FLOCK_STATE_INVALID, FLOCK_NOT_CONFIRMED with
 *   nothing changed; FLOCK_INTERRUPTED, FLOCK_FLUSH_INCOMPLETE, or BIRD's errors, with routes left that still forward
 */
export async function flush({ config, yes, signal, print, log }: FlushOptions): Promise<void> {
  requireNetAdmin();
  await using _claim = await claimNamespace('flush');
  await using socket = new RouteSocket();
  const memory = new IdentityMemory(config.state.path);
  await memory.load();
  const present = routeIdentityOf(config.routes);
  const former = memory.identities.filter(identity => !sameIdentity(identity, present));
  const ours = [present, ...former].map(identity => new IdentityRoutes(socket, identity));

  let count = 0;
  for (const routes of ours) count += await list(routes, print);
  const prefixes = await prefixRoutesOf(ours);
  if (prefixes.length > 0) print(`unreachable routes of announced prefixes: ${prefixes.join(', ')}`);
  const all = count + prefixes.length;
  if (all > 0)
    await confirm(`Withdraw and remove ${all === 1 ? 'this route' : `these ${all} routes`}?`, yes, signal);
  if (count > 0) {
    for (const routes of ours) await routes.hold(await routes.read());
    print(`withdrew ${count} route(s); they forward until they are removed`);
  }
  const birdOutcome = await withdrawFromBird(config, log);
  if (birdOutcome !== undefined) print(birdOutcome);
  if (count > 0) {
    const settleMs = Math.max(config.reconcile.settleMs, leastSettleMs);
    await setTimeout(settleMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw interrupted(count);
    for (const routes of ours) await removeAll(routes);
    print(`removed ${count} route(s)`);
  }
  await removePrefixRoutes(ours);
  for (const routes of ours) await routes.removeIdleObjects(ours);
  await memory.forget(memory.identities);
  print('nothing of flock-anycast is left in the kernel of this network namespace');
}

async function prefixRoutesOf(ours: readonly IdentityRoutes[]): Promise<string[]> {
  return [...new Set((await Promise.all(ours.map(routes => routes.prefixRoutes()))).flat())];
}

async function removePrefixRoutes(ours: readonly IdentityRoutes[]): Promise<void> {
  for (const routes of ours) await routes.removePrefixRoutes();
  const left = await prefixRoutesOf(ours);
  if (left.length === 0) return;
  throw new FlockError('FLOCK_FLUSH_INCOMPLETE', `unreachable routes remain: ${left.join(', ')}`, {
    value: left,
    remedy: 'stop the program that adds them (ip monitor route shows the changes), and run flush again',
  });
}

/** @returns how many routes there are */
async function list(routes: IdentityRoutes, print: (line: string) => void): Promise<number> {
  const views = await routes.read();
  print(`${describeIdentity(routes.identity)}: ${views.length} route(s)`);
  for (const view of views.slice(0, named)) {
    const announced = view.protocol === routes.identity.protocols.advertise;
    print(`  ${destinationOfView(view)}${announced ? '' : ', no longer announced'}`);
  }
  if (views.length > named) print(`  and ${views.length - named} more`);
  return views.length;
}

async function removeAll(routes: IdentityRoutes): Promise<void> {
  const failed = await routes.remove(await routes.read());
  const left = await routes.read();
  if (left.length === 0) return;
  const [first] = failed;
  const identity = describeIdentity(routes.identity);
  const why = first === undefined ? 'another program adds them again' : first.why;
  throw new FlockError('FLOCK_FLUSH_INCOMPLETE', `${left.length} route(s) of ${identity} remain: ${why}`, {
    value: left.map(destinationOfView),
    remedy: 'stop the program that adds them (ip monitor route shows the changes), and run flush again',
  });
}

function interrupted(count: number): FlockError {
  return new FlockError(
    'FLOCK_INTERRUPTED',
    `${count} route(s) are withdrawn and still forward; none was removed`,
    {
      remedy: 'run flush again to remove them, or start the agent to announce them again',
    },
  );
}
