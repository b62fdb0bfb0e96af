/**
 * Takes over the host routes that the original agent left. They have a better metric than ours, or none of our
 * protocol numbers: while they exist, ours are shadowed and BIRD announces nothing. Each is deleted only when our
 * route is in the kernel.
 */
import { requireNetAdmin } from '../base/capabilities.ts';
import { FlockError } from '../base/errors.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { mainTable } from '../base/routing-table.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { routeIdentityOf } from '../config/route-identity.ts';
import { contributionOf, partsOf } from '../desired/contribution.ts';
import { describeErrno, errnoName } from '../kernel/socket/errno.ts';
import { Operation } from '../kernel/socket/record-layout.ts';
import { RouteBatch } from '../kernel/socket/route-batch.ts';
import { RouteSocket } from '../kernel/socket/route-socket.ts';
import { destinationOfView, packDeletion, type RouteView, viewRoutes } from '../kernel/socket/route-view.ts';
import { IdentityMemory } from '../ownership/identity-memory.ts';
import { IdentityRoutes } from '../ownership/identity-routes.ts';
import { claimNamespace } from '../ownership/namespace-claim.ts';
import { type Allocation, parseAllocationFile } from '../sources/allocations/allocation.ts';
import { confirm } from './confirm.ts';
import { bootProtocol, type Judgement, judgeInherited } from './inherited-routes.ts';

export interface MigrateOptions {
  config: ResolvedAgentConfig;
  /** Do not ask. */
  yes: boolean;
  /** Aborts to stop before anything is changed. */
  signal: AbortSignal;
  /** Prints one line for the operator. */
  print: (line: string) => void;
}

/**
 * @throws FlockError FLOCK_NO_NET_ADMIN, FLOCK_ALREADY_RUNNING, FLOCK_STATE_INVALID, FLOCK_ALLOCATIONS_INVALID,
 *   FLOCK_NOT_CONFIRMED with nothing changed; FLOCK_MIGRATE_INCOMPLETE when some routes could not be taken over
 */
export async function migrate({ config, yes, signal, print }: MigrateOptions): Promise<void> {
  requireNetAdmin();
  await using _claim = await claimNamespace('migrate');
  await using socket = new RouteSocket();
  const memory = new IdentityMemory(config.state.path);
  await memory.load();
  const allocations = await readAllocations(config);

  const judgements = await judge(socket, allocations);
  const refused = judgements.filter(({ refusal }) => refusal !== undefined);
  const taken = judgements.filter(({ refusal }) => refusal === undefined);
  for (const { route, refusal } of refused) print(`stays: ${route}: ${refusal}`);
  for (const { route } of taken) print(`to take over: ${route}`);
  if (taken.length === 0) return print('there is nothing to take over');
  await confirm(
    `Take over ${taken.length === 1 ? 'this route' : `these ${taken.length} routes`}?`,
    yes,
    signal,
  );

  const identity = routeIdentityOf(config.routes);
  await memory.remember(identity);
  const ours = new IdentityRoutes(socket, identity);
  const outcomes = await takeOver(socket, ours, taken);
  const left = new Set(await stillThere(socket, taken));
  print(`took over ${taken.length - left.size} route(s); start the agent, which then keeps them up to date`);
  if (left.size === 0) return;
  const problems = taken.flatMap((judgement, index) =>
    left.has(judgement) ? [`${judgement.route}: ${whyNot(outcomes[index] ?? 0)}`] : [],
  );
  throw new FlockError(
    'FLOCK_MIGRATE_INCOMPLETE',
    `${left.size} route(s) were not taken over: ${problems.join('; ')}`,
    {
      value: [...left].map(({ view }) => destinationOfView(view)),
      remedy: 'remove the cause (ip route show lists the routes), and run migrate again',
    },
  );
}

function whyNot(errno: number): string {
  if (errno === 0) return 'it came back, or could not be deleted';
  if (errnoName(errno) === 'EEXIST') return 'another owner has a route with our table and metric';
  return describeErrno(errno);
}

/** @returns the outcomes of creating our routes, each an errno or 0 */
async function takeOver(
  socket: RouteSocket,
  ours: IdentityRoutes,
  taken: readonly Judgement[],
): Promise<readonly number[]> {
  const { advertise } = ours.identity.protocols;
  const views = taken.map(({ view }) => view);
  const outcomes = await ours.write(views, Operation.create, () => advertise);
  // The kernel's routes decide, not the outcomes: our route, or another owner's, may have existed before.
  const held = new Set((await ours.read()).map(destinationOfView));
  // Only routes that are unchanged: the kernel takes a metric of 0 in an IPv4 deletion for any metric.
  const unchanged = await stillThere(socket, taken);
  const batch = new RouteBatch();
  for (const { view } of unchanged)
    if (held.has(destinationOfView(view))) batch.addPacked(packDeletion(view), 1);
  if (batch.length > 0) await socket.apply(batch.bytes());
  return outcomes;
}

async function stillThere(socket: RouteSocket, taken: readonly Judgement[]): Promise<Judgement[]> {
  const now = new Set((await bootRoutes(socket)).map(({ bytes }) => Buffer.from(bytes).toString('latin1')));
  return taken.filter(({ view }) => now.has(Buffer.from(view.bytes).toString('latin1')));
}

async function judge(socket: RouteSocket, allocations: Iterable<Allocation>): Promise<Judgement[]> {
  const links = await socket.links();
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const numbers = new Map(links.map(({ index, name }) => [name, index]));
  const interfaces = new Map<number, string>();
  const destinations = new Set<string>();
  for (const allocation of allocations) {
    const index = numbers.get(allocation.hostInterface);
    if (index !== undefined) interfaces.set(index, allocation.hostInterface);
    const contribution = contributionOf(`${allocation.namespace}/${allocation.name}`, allocation);
    for (const part of partsOf(contribution))
      for (const destination of part.destinations) destinations.add(destination);
  }
  const nameOf = (index: number) => names.get(index) ?? `#${index}`;
  return judgeInherited(await bootRoutes(socket), { interfaces, destinations }, nameOf);
}

async function bootRoutes(socket: RouteSocket): Promise<RouteView[]> {
  const dumps = await Promise.all(
    // The original agent wrote to the main table.
    ([4, 6] as const).map(family => socket.dump({ family, table: mainTable, protocols: [bootProtocol] })),
  );
  return dumps.flatMap(dump => [...viewRoutes(dump)]);
}

async function readAllocations({ allocations }: ResolvedAgentConfig): Promise<Iterable<Allocation>> {
  if (allocations.source !== 'file') {
    throw new FlockError('FLOCK_ALLOCATIONS_INVALID', 'the configuration has no allocation file', {
      value: allocations.source,
      remedy:
        'run migrate with a configuration whose allocations.path is the file that the original agent used',
    });
  }
  const { path } = allocations;
  let text: string;
  try {
    text = readTextFile(path, longestFile.allocations);
  } catch (cause) {
    throw new FlockError('FLOCK_ALLOCATIONS_INVALID', `can not read ${path}: ${(cause as Error).message}`, {
      value: path,
      remedy: 'set allocations.path to the allocation file: only this file shows which routes lead to pods',
      cause,
    });
  }
  return parseAllocationFile(text, path).allocations.values();
}
