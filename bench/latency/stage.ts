/**
 * A node and its router, each with a real BIRD, and a listener to route changes in both. The node's pods are behind
 * `p0`, as in the field, so that the floor's program works here too.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { established, fabric, type Node, rendered } from '../../test/bird/fabric.ts';
import { type BirdProcess, startBird } from '../../test/support/bird.ts';
import { eventually, type Namespace } from '../../test/support/lab.ts';
import type { Host } from '../../test/support/node-lab.ts';
import { LineProgram } from '../line-program.ts';
import { program } from '../programs.ts';
import { Sightings } from './sightings.ts';

export type Mode = 'learn' | 'filter';

export interface Stage {
  node: Node;
  router: Namespace;
  bird: BirdProcess;
  floor: LineProgram;
  atNode: Sightings;
  atRouter: Sightings;
  file(name: string): string;
  /** Waits until the router's kernel has this number of BIRD's routes to anycast addresses. */
  announced(count: number): Promise<unknown>;
}

export async function setStage(host: Host, mode: Mode): Promise<Stage> {
  const { lab, router, nodes } = await fabric(1);
  host.teardown(() => lab.destroy());
  const [node] = nodes as [Node];
  const pods = await lab.namespace('pods');
  await lab.link(node.host, 'p0', pods, 'p0');
  await pods.configure('p0', '10.1.1.2/24', 'fd00:1:1::2/64');
  await node.host.configure('p0', '10.1.1.1/24', 'fd00:1:1::1/64');
  const configPath = join(lab.dir, 'node1.conf');
  writeFileSync(configPath, rendered(node, { mode }));
  const bird = await startBird(node.host, { name: 'node1', configPath });
  await established(bird, node.nodeConfig.bgp.peers.length);
  return {
    node,
    router,
    bird,
    floor: new LineProgram(node.host.spawn(await program('floor'), [], { stdio: ['pipe', 'pipe', 'pipe'] })),
    atNode: await Sightings.of(host, node.host),
    atRouter: await Sightings.of(host, router),
    file: name => join(lab.dir, name),
    announced: count =>
      eventually(
        `${count} routes in the router's kernel`,
        async () => (await countAnnounced(router)) === count,
        { timeoutMs: 60_000, intervalMs: 50 },
      ),
  };
}

/** The number of the field's anycast addresses among BIRD's routes. */
async function countAnnounced(router: Namespace): Promise<number> {
  const text = await router.exec('ip', '-4', 'route', 'show', 'proto', 'bird');
  return text.match(/^198\.1[89]\./gm)?.length ?? 0;
}
