/** A router and nodes, dual stack, each with a real BIRD: the smallest network that shows a wrong BIRD configuration. */
import { type BirdConfigInput, renderBirdConfig } from '../../lib/bird/render.ts';
import { type NodeConfig, parseNodeConfig } from '../../lib/config/node-config.ts';
import { type BirdProcess, birdVersion, startBird } from '../support/bird.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';

export const routes = { table: 254, metric: 16, protocols: { advertise: 70, hold: 71 } };

export interface Node {
  readonly host: Namespace;
  readonly index: number;
  readonly nodeConfig: NodeConfig;
}

export interface Route {
  dst: string;
  protocol?: string;
  metric?: number;
  type?: string;
  gateway?: string;
  dev?: string;
  nexthops?: { gateway?: string; dev: string; via?: { host: string } }[];
}

export interface Fabric {
  lab: Lab;
  router: Namespace;
  bird: BirdProcess;
  nodes: Node[];
}

/**
 * Node i is AS 6500i; its link to the router (AS 65000) is 10.0.i.0/24 and fd00:i::/64, router .1, node .2.
 * Its two pods are behind `pod0` and `pod1`: 10.1.i.2 and .3 in 10.1.i.0/24, fd01:i::2 and ::3.
 *
 * @param routerAlso more of the router's BIRD configuration
 */
export async function fabric(nodeCount: number, routerAlso = ''): Promise<Fabric> {
  const lab = await Lab.create();
  const router = await lab.namespace('router');
  await router.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  const nodes: Node[] = [];
  for (let index = 1; index <= nodeCount; index++) {
    const host = await lab.namespace(`node${index}`);
    await lab.link(router, `node${index}`, host, 'uplink');
    await router.configure(`node${index}`, `10.0.${index}.1/24`, `fd00:${index}::1/64`);
    await host.configure('uplink', `10.0.${index}.2/24`, `fd00:${index}::2/64`);
    const pods = await lab.namespace(`pods${index}`);
    for (const pod of [0, 1]) {
      await lab.link(host, `pod${pod}`, pods, `eth${pod}`);
      await host.configure(`pod${pod}`, `10.1.${index}${pod}.1/24`, `fd01:${index}${pod}::1/64`);
      await pods.configure(`eth${pod}`, `10.1.${index}${pod}.2/24`, `fd01:${index}${pod}::2/64`);
    }
    nodes.push({ host, index, nodeConfig: parseNodeConfig(JSON.stringify(plainConfig(index)), 'test') });
  }
  const bird = await startBird(router, { name: 'router', config: routerConfig(nodeCount) + routerAlso });
  return { lab, router, bird, nodes };
}

/** The allocation of the pod `dns-0` behind `pod0` of the first node. */
export function allocationOf(anycast: readonly string[]) {
  const pod = { namespace: 'default', name: 'dns-0', uid: 'dns-0', hostInterface: 'pod0' };
  return {
    ...pod,
    ipv4: '10.1.10.2',
    ipv6: 'fd01:10::2',
    anycast: [...anycast],
    state: 'committed' as const,
  };
}

export function plainConfig(index: number) {
  return {
    bgp: {
      localAsn: 65000 + index,
      routerId: `10.0.${index}.2`,
      peers: [
        { name: 'router4', address: `10.0.${index}.1`, asn: 65000 },
        { name: 'router6', address: `fd00:${index}::1`, asn: 65000 },
      ],
    },
    advertise: { prefixes: [`10.244.${index}.0/24`, `fd44:${index}::/64`] },
  };
}

/** Starts a node's BIRD with our rendered configuration, and waits for all its sessions. */
export async function startNode(node: Node, input: Partial<BirdConfigInput> = {}): Promise<BirdProcess> {
  const bird = await startBird(node.host, { name: `node${node.index}`, config: rendered(node, input) });
  await established(bird, (input.nodeConfig ?? node.nodeConfig).bgp.peers.length);
  return bird;
}

export function rendered(node: Node, input: Partial<BirdConfigInput> = {}): string {
  return renderBirdConfig({
    nodeConfig: node.nodeConfig,
    mode: 'learn',
    routes,
    kernelExport: true,
    active: [],
    passwords: new Map(),
    birdVersion: birdVersion(),
    ...input,
  });
}

export async function established(bird: BirdProcess, count: number): Promise<void> {
  await eventually(`${count} BGP sessions`, async () => {
    const answer = await bird.command('show protocols');
    return answer.match(/BGP .* Established/g)?.length === count;
  });
}

/** The kernel's routes for a prefix in a namespace, of both families and all types. */
export async function kernelRoutes(host: Namespace, prefix: string, table = 'main'): Promise<Route[]> {
  const family = prefix.includes(':') ? '-6' : '-4';
  const all = await host.ipJson<Route[]>('-N', family, 'route', 'show', 'table', table);
  const bare = prefix.replace(/\/(32|128)$/, '');
  return all.filter(route => route.dst === bare || route.dst === prefix);
}

/** Gateways of the one route to a prefix, sorted; empty when there is none. */
export async function gateways(host: Namespace, prefix: string): Promise<string[]> {
  const [route] = await kernelRoutes(host, prefix);
  if (route === undefined) return [];
  if (route.nexthops !== undefined) {
    return route.nexthops.map(({ gateway, via, dev }) => gateway ?? via?.host ?? dev).sort();
  }
  return [route.gateway ?? route.dev ?? '?'];
}

function routerConfig(nodeCount: number): string {
  const peers = Array.from({ length: nodeCount }, (_, at) => at + 1).flatMap(index =>
    [`10.0.${index}.2`, `fd00:${index}::2`].map(
      (address, family) => `protocol bgp {
  local as 65000;
  neighbor ${address} as ${65000 + index};
  connect delay time 1;
  error wait time 1, 2;
  ipv${family === 0 ? 4 : 6} { import all; export all; };
}`,
    ),
  );
  return `router id 10.0.0.1;
protocol device { }
${[4, 6].map(version => `protocol kernel { merge paths on; ipv${version} { export all; }; }`).join('\n')}
${peers.join('\n')}
`;
}
