/** The scenarios: changes under load. Each one restores the former state at its end. */
import { anycastAddresses, nodes, type PodPlan, pods } from '../support/anycast-net/plan.ts';
import { eventually } from '../support/lab.ts';
import { offAndLoose, strict } from './reverse-path.ts';
import { interfacesTo } from './settled.ts';
import type { World } from './world.ts';

export interface Scenario {
  name: string;
  /** What is done, in words for the table. */
  what: string;
  /** Why requests may be lost, where they may: 0 is promised otherwise. */
  mayLose?: string;
  /** The same where routes lead through resilient groups. */
  mayLoseResilient?: string;
  /** The code that our agents must log. */
  warning?: string;
  /** Before the load. */
  prepare?(world: World): Promise<void>;
  run(world: World): Promise<void>;
  /** After the load. */
  restore?(world: World): Promise<void>;
}

/** Of a Kubernetes pod by default 30 s; the is 10. */
const graceMs = 10_000;
const [node1, node2] = nodes;

export const scenarios: readonly Scenario[] = [
  {
    name: 'rolling-restart',
    what: 'all four pods restarted one after the other, 10 s of grace each',
    async run(world) {
      for (const pod of inTurn()) await restart(world, [pod], graceMs);
    },
  },
  {
    name: 'rolling-restart-pairs',
    what: "the same by twos: both pods of a node at once, so that the node's last one leaves",
    async run(world) {
      for (const node of nodes) await restart(world, node.pods, graceMs);
    },
  },
  {
    name: 'agent-restart',
    what: 'agent of node1 ended by SIGTERM, that of node2 by SIGKILL; started again',
    async run(world) {
      await world.restartAgent(node1.name, 'SIGTERM');
      await world.pause(1500);
      await world.restartAgent(node2.name, 'SIGKILL');
      await world.pause(1500);
    },
  },
  {
    name: 'bird-configure',
    what: 'node config changed twice, and `birdc configure` eight times',
    async run(world) {
      world.configureNode(node1.name, { extraPrefixes: ['203.0.113.0/24', '2001:db8:113::/48'] });
      await world.pause(500);
      for (let i = 0; i < 8; i++) {
        world.mark('configure');
        await world.node(nodes[i % 2]?.name ?? '').bird.command('configure');
        await world.pause(200);
      }
      world.configureNode(node1.name, {});
      await world.pause(1000);
    },
  },
  {
    name: 'node-drain',
    what: 'node1 drained, its pods evicted with 10 s of grace, and back',
    async run(world) {
      world.configureNode(node1.name, { draining: true });
      // The original knows of no draining: what it does is when the pods are evicted.
      if (world.kind === 'ours') await withdrawn(world);
      await world.pause(2000);
      for (const pod of node1.pods) world.terminate(pod);
      await world.pause(graceMs);
      await Promise.all(node1.pods.map(pod => world.end(pod)));
      await Promise.all(node1.pods.map(pod => world.recreate(pod)));
      await world.pause(1000);
      world.configureNode(node1.name, {});
      await world.pause(1000);
    },
  },
  {
    name: 'early-exit',
    what: 'pods exit 1 s after their SIGTERM, one after the other',
    mayLoseResilient:
      'flows stay with a pod that drains, also while it has ended and its status does not say so yet',
    async run(world) {
      for (const pod of inTurn()) {
        await restart(world, [pod], 1000);
        // Not in step with the original's tick: it would be hit always, or never.
        await world.pause(500);
      }
    },
  },
  {
    name: 'early-exit-pairs',
    what: 'the same by twos: nobody is left on the node, and its own clients are with the pod that exits',
    mayLose: "a node's own clients stay with the last pod until its end is known",
    async run(world) {
      for (const node of nodes) await restart(world, node.pods, 1000);
    },
  },
  {
    name: 'rolling-restart-1000',
    what: 'by twos again, with 1,000 further addresses on every pod and 6 s of grace',
    async prepare(world) {
      world.furtherAddresses = furtherAddresses(500);
      await remake(world, offAndLoose, 0);
    },
    async run(world) {
      for (const node of nodes) await restart(world, node.pods, 6000);
    },
    restore(world) {
      world.furtherAddresses = [];
      return remake(world, offAndLoose, 0);
    },
  },
  {
    name: 'slow-answers',
    what: 'pods that take 300 ms for an answer are restarted; rp_filter 0 and 2 on their interfaces',
    prepare: world => slow(world, offAndLoose),
    run: restartFirst,
    restore: world => remake(world, offAndLoose, 0),
  },
  {
    name: 'strict-rp-filter',
    what: 'the same with rp_filter 1',
    mayLose: 'the kernel drops what a pod still answers once its nexthop has left (preflight warns of it)',
    warning: 'PREFLIGHT_RP_FILTER',
    prepare: world => slow(world, strict),
    run: restartFirst,
    restore: world => remake(world, offAndLoose, 0),
  },
  {
    name: 'bird-restart',
    what: 'BIRD of node1 killed and started again (-R), graceful restart on both sides; then that of node2',
    async run(world) {
      for (const { name } of nodes) {
        await world.restartBird(name);
        await world.settled();
        await world.pause(1000);
      }
    },
  },
];

/** The router sends nothing to node1 any more. */
async function withdrawn({ topology }: World): Promise<void> {
  const interfaces = () =>
    Promise.all(anycastAddresses.map(address => interfacesTo(topology.router, address)));
  await eventually('the router to leave node1 alone', async () =>
    (await interfaces()).every(found => found.join() === node2.routerInterface),
  );
}

function slow(world: World, filter: World['reversePathFilter']): Promise<void> {
  return remake(world, filter, 300);
}

/** Recreates all pods, with another reverse-path filter or delay; then restarts node1's agent, which checks both at start. */
async function remake(world: World, filter: World['reversePathFilter'], delayMs: number): Promise<void> {
  world.reversePathFilter = filter;
  world.answerDelayMs = delayMs;
  await restart(world, pods, 0);
  await world.restartAgent(node1.name, 'SIGTERM');
  await world.settled();
}

async function restartFirst(world: World): Promise<void> {
  for (const node of nodes) await restart(world, node.pods.slice(0, 1), 2000);
}

/** So many of each family. */
function furtherAddresses(count: number): string[] {
  const numbers = Array.from({ length: count }, (_, index) => index);
  return [
    ...numbers.map(number => `203.0.${113 + (number >> 8)}.${number & 255}`),
    ...numbers.map(number => `2001:db8:77::${number.toString(16)}`),
  ];
}

/** One pod of each node in turn. */
function inTurn(): PodPlan[] {
  return [...pods].sort((left, right) => left.name.slice(-1).localeCompare(right.name.slice(-1)));
}

async function restart(world: World, leaving: readonly PodPlan[], grace: number): Promise<void> {
  for (const pod of leaving) world.terminate(pod);
  await world.pause(grace);
  await Promise.all(leaving.map(pod => world.end(pod)));
  await Promise.all(leaving.map(pod => world.recreate(pod)));
  await world.settled();
}
