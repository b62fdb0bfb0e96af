/** What happens to the pods of a node while clients hold their connections to them. */
import { anycast, node as nodePlan, type PodPlan } from '../support/anycast-net/plan.ts';
import { eventually } from '../support/lab.ts';
import { interfacesTo } from '../traffic/settled.ts';
import type { World } from '../traffic/world.ts';
import type { Phase } from './account.ts';
import { Clients, type FlowEvent, families } from './clients.ts';

const { pods, ...rest } = nodePlan(1, 'abcde');
const [drained, torn] = pods as [PodPlan, PodPlan];
const fifth = pods.at(-1) as PodPlan;

/** One node with four pods; the fifth comes later. */
export const plan = { ...rest, pods: pods.slice(0, -1) };

/** What a bucket has to be without a packet to move, and how long a pod drains: longer than that. */
export const idleSeconds = 3;
export const drainSeconds = 6;

/** Of each family. */
export const counts = { busy: 1000, idle: 200, new: 40 };

const calmMs = 2000;
/** A broken connection is noticed within half a second, at its next request. */
const noticeMs = 1500;
/** A connection without any answer is given up after 3 seconds. */
const silentMs = 4000;

/** @param program path of the compiled `flows.c` */
export async function play(world: World, program: string): Promise<{ phases: Phase[]; events: FlowEvent[] }> {
  const clients = new Clients(program, world.topology.client, counts);
  const phases: Phase[] = [];
  const begin = (name: Phase['name'], pod?: PodPlan) => {
    const now = performance.now();
    const before = phases.at(-1);
    if (before !== undefined) before.to = now;
    phases.push({ name, pod: pod?.name, from: now, to: Number.POSITIVE_INFINITY });
  };
  const ask = async () => {
    clients.askIdle();
    await world.pause(noticeMs);
  };
  const wanted = families.length * (counts.busy + counts.idle);
  await eventually(`${wanted} connections`, () => clients.established >= wanted);

  begin('calm');
  await world.pause(calmMs);

  begin('drain', drained);
  const drainedAt = performance.now() + drainSeconds * 1000;
  world.terminate(drained, { 'flock-anycast.io/drain-seconds': `${drainSeconds}` });
  await world.pause(drainedAt - noticeMs - performance.now());
  await ask();

  begin('removal', drained);
  await nexthops(world, plan.pods.slice(1));
  await ask();
  await world.end(drained);

  begin('join', fifth);
  await world.recreate(fifth);
  await nexthops(world, pods.slice(1));
  await world.pause(idleSeconds * 1000 + noticeMs);
  await ask();

  begin('veth', torn);
  await world.node(plan.name).host.ip('link', 'delete', torn.hostInterface);
  await nexthops(world, pods.slice(2));
  await world.pause(silentMs - noticeMs);
  await ask();
  (phases.at(-1) as Phase).to = performance.now();
  await clients.stop();
  return { phases, events: clients.events };
}

/** Waits until the node's routes lead to exactly these pods. */
async function nexthops({ topology }: World, wanted: readonly PodPlan[]): Promise<void> {
  const host = topology.nodes.get(plan.name);
  const names = wanted.map(({ hostInterface }) => hostInterface).join();
  for (const address of Object.values(anycast))
    await eventually(
      `${address} by ${names}`,
      async () => host !== undefined && (await interfacesTo(host, address)).join() === names,
    );
}
