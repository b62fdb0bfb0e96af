/**
 * A pod's veth is torn out under 20,000 packets a second from behind the router: what its own share loses, what
 * its sibling on the node loses, what the node did about it and when, and whether the BGP peer noticed.
 */
import { anycast, nodes, type PodPlan } from '../support/anycast-net/plan.ts';
import { KernelWatch, type Sighting } from '../support/kernel-watch.ts';
import { endChild } from '../support/lab.ts';
import { Load, type Request } from './load.ts';
import { type UdpLoss, udpLoss } from './losses.ts';
import type { World } from './world.ts';

export type Way = 'link-deleted' | 'namespace-ended';
export const ways: readonly Way[] = ['link-deleted', 'namespace-ended'];

/** Of one family in one run. */
export interface VethLoss {
  family: 'ipv4' | 'ipv6';
  /** Of all requests, whoever would have answered them. */
  all: UdpLoss;
  /** What the pod's own share lost, what its sibling's lost, and what the other node's lost. */
  own: UdpLoss;
  sibling: UdpLoss;
  others: UdpLoss;
  /** Milliseconds from RTM_DELLINK to the route that leaves by the sibling alone; undefined when none came. */
  reprogrammedMs: number | undefined;
  /** What the router's kernel said of the address meanwhile; nothing is what is promised. */
  atRouter: readonly Sighting[];
}

const stream = { protocol: 'udp', rate: 10_000, ports: 1000 } as const;
/** Each port is used every 100 ms: who answers it is known by then. */
const beforeMs = 500;

/** @param afterMs how long the load goes on */
export async function tearOut(
  world: World,
  way: Way,
  { program, afterMs }: { program: string; afterMs: number },
): Promise<VethLoss[]> {
  const [victim, sibling] = nodes[0].pods as [PodPlan, PodPlan];
  const { host } = world.node(victim.node);
  const [atNode, atRouter] = await Promise.all([host, world.topology.router].map(KernelWatch.start));
  const load = new Load(program, world.topology.client, [
    { ...stream, family: 'ipv4' },
    { ...stream, family: 'ipv6' },
  ]);
  await world.pause(beforeMs);
  const tornAt = performance.now();
  await tear(world, victim, way);
  await world.pause(afterMs);
  const requests = await load.stop();
  await Promise.all([atNode?.stop(), atRouter?.stop()]);

  await endChild(world.server(victim), 1000);
  await world.removeSandbox(victim);
  await world.recreate(victim);
  await world.settled();
  // What the kernels said is stamped by the wall clock, what was sent by our own.
  const tornEpoch = performance.timeOrigin + tornAt;
  const goneAt = atNode?.seen.find(({ what, gone }) => what === victim.hostInterface && gone)?.at;
  if (goneAt === undefined) throw new Error(`no RTM_DELLINK of ${victim.hostInterface} was seen`);
  return (['ipv4', 'ipv6'] as const).map(family => {
    const of = requests.filter(request => request.family === family);
    const owners = ownersOf(of, tornAt);
    const part = (wanted: (owner: string | undefined) => boolean) =>
      udpLoss(of.filter(({ sourcePort }) => wanted(owners.get(sourcePort))));
    const address = anycast[family];
    return {
      family,
      all: udpLoss(of),
      own: part(owner => owner === victim.name),
      sibling: part(owner => owner === sibling.name),
      others: part(owner => owner !== victim.name && owner !== sibling.name),
      reprogrammedMs: reprogrammed(atNode?.seen ?? [], address, sibling, tornEpoch, goneAt),
      atRouter: atRouter?.seen.filter(({ what, at }) => what === address && at > tornEpoch) ?? [],
    };
  });
}

async function tear(world: World, victim: PodPlan, way: Way): Promise<void> {
  if (way === 'link-deleted') {
    await world.node(victim.node).host.ip('link', 'delete', victim.hostInterface);
    return;
  }
  // A namespace ends when nobody is left in it.
  world.server(victim).kill('SIGKILL');
  await world.removeNamespace(victim);
}

/** Which pod a source port's flow came to, before. */
function ownersOf(requests: readonly Request[], before: number): Map<number, string> {
  const owners = new Map<number, string>();
  for (const { sourcePort, sentAt, server } of requests)
    if (sentAt < before && server !== undefined) owners.set(sourcePort, server);
  return owners;
}

/** IPv6 changes need no RTNL and can come before RTM_DELLINK is told: less than nothing is possible. */
function reprogrammed(
  seen: readonly Sighting[],
  address: string,
  sibling: PodPlan,
  tornAt: number,
  goneAt: number,
): number | undefined {
  const route = seen.find(
    ({ what, gone, line, at }) =>
      what === address && !gone && at > tornAt && line.includes(`dev ${sibling.hostInterface} `),
  );
  return route === undefined ? undefined : route.at - goneAt;
}
