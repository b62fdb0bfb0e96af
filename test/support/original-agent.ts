/**
 * The order of changes in the original agent, for comparison: the same sources, the same files, the same batching
 * socket, and then
 *
 *   the kernel's route is changed or removed first, BIRD's filter is rendered and configured after it;
 *   routes are of protocol boot at the default metric; the agent does not listen to the kernel;
 *   a pass is due on a commit of an allocation, on a change of Ready, and every 2 seconds.
 *
 *     node original-agent.ts … CONFIG
 *
 * Only the last argument counts, so that it can be put before any command of ours.
 *
 * Where the original was vague it is given the benefit: a pass needs no subprocess, an interface that is not
 * there costs its own nexthop alone, nothing is done before every source was read.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { type Destination, parseAddress } from '../../lib/base/address.ts';
import { createLog } from '../../lib/base/log.ts';
import { configure } from '../../lib/bird/configure.ts';
import { BirdControl } from '../../lib/bird/control.ts';
import { loadAgentConfig } from '../../lib/config/agent-config.ts';
import { NodeConfigCache } from '../../lib/config/node-config.ts';
import { resolveAnycastTargets } from '../../lib/desired/resolve.ts';
import type { Nexthop } from '../../lib/desired/views.ts';
import { LinkTable } from '../../lib/kernel/socket/link-table.ts';
import { RouteBatch } from '../../lib/kernel/socket/route-batch.ts';
import { Operation } from '../../lib/kernel/socket/route-record.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { WatchedAllocations } from '../../lib/sources/allocations/allocation-file.ts';
import { PodCache } from '../../lib/sources/pods/pod-cache.ts';
import { PodDirectory } from '../../lib/sources/pods/pod-directory.ts';
import { originalBirdConfig } from './original-bird-config.ts';

/** `RTPROT_BOOT` of linux/rtnetlink.h, what `ip route` writes. */
const bootProtocol = 3;
const mainTable = 254;
const tickMs = 2000;

const config = loadAgentConfig(process.argv.at(-1) ?? '');
if (config.pods.source !== 'directory') throw new Error('pods come from a folder here');
if (config.allocations.source !== 'file') throw new Error('allocations come from a file here');
const log = createLog('info');
const pods = new PodCache();
const podFeed = new PodDirectory({ path: config.pods.path, cache: pods, log });
const allocations = new WatchedAllocations({ path: config.allocations.path, log });
const nodeConfig = new NodeConfigCache({ path: config.nodeConfig.path, log });
const socket = new RouteSocket();
/** Destinations that have a route of this agent. */
const programmed = new Set<Destination>();
let configured: string | undefined;

async function pass(): Promise<void> {
  const { targets } = resolveAnycastTargets(allocations.snapshot(), pods.snapshot());
  const links = new LinkTable();
  links.replace(await socket.links());
  for (const [destination, { nexthops }] of targets) await replaceRoute(destination, nexthops, links);
  for (const destination of programmed) {
    if (!targets.has(destination)) await removeRoute(destination);
  }
  await renderBird([...programmed].sort());
}

/** Each pass writes every route, as `ip route replace` in a loop does. */
async function replaceRoute(
  destination: Destination,
  nexthops: readonly Nexthop[],
  links: LinkTable,
): Promise<void> {
  const usable = nexthops.flatMap(({ interface: name, via }) => {
    const interfaceIndex = links.usableIndex(name);
    return interfaceIndex === undefined ? [] : [{ interfaceIndex, gateway: parseAddress(via).bytes }];
  });
  if (usable.length === 0) return removeRoute(destination);
  const write = (operation: Operation) => apply(destination, operation, usable);
  if ((await write(Operation.replace)) !== 0) await write(Operation.create);
  programmed.add(destination);
}

async function removeRoute(destination: Destination): Promise<void> {
  await apply(destination, Operation.delete, []);
  programmed.delete(destination);
}

async function apply(
  destination: Destination,
  operation: Operation,
  nexthops: readonly { interfaceIndex: number; gateway: Uint8Array }[],
): Promise<number> {
  const { family, bytes } = parseAddress(destination.replace(/\/\d+$/, ''));
  const batch = new RouteBatch();
  batch.add({
    operation,
    family,
    destination: bytes,
    prefixLength: family === 4 ? 32 : 128,
    protocol: bootProtocol,
    table: mainTable,
    metric: 0,
    nexthops,
  });
  return (await socket.apply(batch.bytes()))[0] ?? -1;
}

async function renderBird(active: Destination[]): Promise<void> {
  const node = nodeConfig.snapshot();
  if (node === undefined) return;
  const text = originalBirdConfig(node, active);
  if (text === configured) return;
  const { config: path, socket: socketPath } = config.bird;
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  const control = await BirdControl.open(socketPath);
  await configure(control);
  control.close();
  configured = text;
  log.info('BIRD runs a new configuration');
}

/** One pass at a time; changes during a pass are for the next one. */
let turn: Promise<unknown> = Promise.resolve();
function trigger(): void {
  turn = turn.then(pass).catch(error => log.warn({ error: String(error) }, 'a pass failed'));
}

const readiness = new Map<string, boolean>();
function onPods(keys: ReadonlySet<string>): void {
  const before = JSON.stringify([...readiness]);
  for (const key of keys) readiness.set(key, pods.snapshot().get(key)?.ready ?? false);
  if (JSON.stringify([...readiness]) !== before) trigger();
}

nodeConfig.start();
await allocations.start();
await podFeed.start();
trigger();
pods.onChange(onPods);
allocations.onChange(trigger);
setInterval(trigger, tickMs);
process.on('SIGTERM', () => process.exit(0));
