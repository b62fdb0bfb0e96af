/** What happens while requests flow. Each leaves its world as it found it. */
import { nodes, type PodPlan, pods } from '../support/anycast-net/plan.ts';
import type { World } from './world.ts';

export interface Scenario {
  name: string;
  /** What is done, in words for the table. */
  what: string;
  run(world: World): Promise<void>;
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
    async run(world) {
      for (const pod of inTurn()) await restart(world, [pod], 1000);
    },
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
