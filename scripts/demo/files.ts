/** The text of every file the demo's programs read. Pure: the same plan gives the same text. */
import { stringify } from 'yaml';
import {
  type Addresses,
  anycastAddresses,
  type NodePlan,
  nodes,
  type PodPlan,
  router,
  statusAddress,
} from './plan.ts';

/** Where one node's programs find each other. */
export interface NodePaths {
  agentConfig: string;
  nodeConfig: string;
  allocations: string;
  pods: string;
  birdConfig: string;
  birdSocket: string;
}

/** A pod as the API server would give it, as far as an agent looks. */
export function podManifest(pod: PodPlan, ready: boolean): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace: 'default', uid: pod.uid },
    spec: { nodeName: pod.node, containers: [{ name: 'web', image: 'demo' }] },
    status: {
      phase: 'Running',
      podIP: pod.address.ipv4,
      podIPs: [{ ip: pod.address.ipv4 }, { ip: pod.address.ipv6 }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  });
}

/** What CNI committed for a node's pods. */
export function allocationsFile(node: NodePlan): string {
  const allocations = node.pods.map(pod => ({
    namespace: 'default',
    name: pod.name,
    uid: pod.uid,
    hostInterface: pod.hostInterface,
    ipv4: pod.address.ipv4,
    ipv6: pod.address.ipv6,
    anycast: anycastAddresses,
    addresses: [],
    state: 'committed',
  }));
  return `${JSON.stringify({ version: 1, allocations }, null, 2)}\n`;
}

export function agentConfig(node: NodePlan, paths: NodePaths): string {
  return stringify({
    node: { name: node.name },
    pods: { source: 'directory', path: paths.pods },
    allocations: { path: paths.allocations },
    nodeConfig: { path: paths.nodeConfig },
    bird: { config: paths.birdConfig, socket: paths.birdSocket },
    observe: { listen: statusAddress },
  });
}

export function nodeConfig(node: NodePlan): string {
  return stringify({
    bgp: {
      localAsn: node.asn,
      routerId: node.address.ipv4,
      peers: [
        { name: 'router-ipv4', address: node.routerAddress.ipv4, asn: router.asn },
        { name: 'router-ipv6', address: node.routerAddress.ipv6, asn: router.asn },
      ],
    },
    advertise: { prefixes: node.podPrefixes },
  });
}

/** What a node's BIRD runs on until the agent has written its configuration. */
export function idleBirdConfig(node: NodePlan): string {
  return `router id ${node.address.ipv4};\nprotocol device {}\n`;
}

/**
 * An upstream router as an operator would set it up: a session with each node and family, equal paths merged
 * into one ECMP route, and every node told of the others' routes.
 */
export function routerBirdConfig(): string {
  const families = ['ipv4', 'ipv6'] as const;
  return [
    'log stderr all;',
    `router id ${router.id};`,
    'protocol device {}',
    ...families.map(
      family => `protocol kernel kernel_${family} {
  merge paths yes;
  ${family} { import none; export where source = RTS_BGP; };
}`,
    ),
    ...nodes.flatMap(node => families.map(family => routerSession(node, family))),
    '',
  ].join('\n');
}

/** The default delays of 5 seconds and more spare a real network; here they would only be waited for. */
function routerSession(node: NodePlan, family: keyof Addresses): string {
  return `protocol bgp ${node.name}_${family} {
  local ${node.routerAddress[family]} as ${router.asn};
  neighbor ${node.address[family]} as ${node.asn};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${family} { import all; export where source = RTS_BGP; next hop self; };
}`;
}
