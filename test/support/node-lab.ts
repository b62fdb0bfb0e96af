/** A node with interfaces to pods, `p0`, `p1`, …, in namespaces, for tests of the route table. */
import type { Nexthop } from '../../lib/desired/views.ts';
import { Lab, type Namespace } from './lab.ts';

export interface NodeLab {
  lab: Lab;
  node: Namespace;
  /** Where the pods' ends of the veths are. */
  pods: Namespace;
  /** The nexthop of pod `index`: 10.1.index+1.2 or fd00:1:index+1::2, reached through `p<index>`. */
  nexthop(index: number, family?: 4 | 6): Nexthop;
  /** Makes pod `index` and its veth. */
  addPod(index: number): Promise<void>;
}

/** Ends what a lab started: a test of ava, or a program. */
export interface Host {
  teardown(end: () => unknown): void;
}

export async function createNodeLab(t: Host, podCount: number): Promise<NodeLab> {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const pods = await lab.namespace('pods');
  const addPod = async (index: number) => {
    await lab.link(node, `p${index}`, pods, `p${index}`);
    await pods.configure(`p${index}`, `10.1.${index + 1}.2/24`, `fd00:1:${index + 1}::2/64`);
    await node.configure(`p${index}`, `10.1.${index + 1}.1/24`, `fd00:1:${index + 1}::1/64`);
  };
  for (let index = 0; index < podCount; index++) await addPod(index);
  return {
    lab,
    node,
    pods,
    addPod,
    nexthop: (index, family = 4) => ({
      interface: `p${index}`,
      via: family === 4 ? `10.1.${index + 1}.2` : `fd00:1:${index + 1}::2`,
      weight: 1,
    }),
  };
}

/** A route from `ip -json route`, reduced to what we set. */
export interface SeenRoute {
  destination: string;
  protocol: string;
  /** `via%interface`, in the kernel's order. */
  nexthops: string[];
}

interface IpRoute {
  dst: string;
  type?: string;
  metric?: number;
  protocol: string;
  gateway?: string;
  dev?: string;
  nexthops?: { gateway?: string; dev: string }[];
}

/**
 * The routes of one protocol number in a namespace, both families, by destination, without the unreachable ones of
 * announced prefixes.
 */
export async function routesOf(namespace: Namespace, protocol: number, table = 'main'): Promise<SeenRoute[]> {
  const seen: SeenRoute[] = [];
  for (const family of ['-4', '-6']) {
    const routes = await namespace.ipJson<IpRoute[]>(
      family,
      'route',
      'show',
      'table',
      table,
      'proto',
      `${protocol}`,
    );
    for (const { dst, type, metric, nexthops, gateway = '', dev = '' } of routes) {
      if (type === 'unreachable' && metric === 2 ** 32 - 1) continue;
      const hops = nexthops ?? [{ gateway, dev }];
      seen.push({
        destination: dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`,
        protocol: `${protocol}`,
        nexthops: hops.map(hop => `${hop.gateway ?? ''}%${hop.dev}`).sort(),
      });
    }
  }
  return seen.sort((left, right) => (left.destination < right.destination ? -1 : 1));
}
