/** The text of every file that the demo's programs read. Pure: the same plan gives the same text. */
import { stringify } from 'yaml';
import { allocationOf, nodeConfigOf } from '../../test/support/anycast-net/node-files.ts';
import { type NodePlan, type PodPlan, statusAddress } from '../../test/support/anycast-net/plan.ts';

/** The paths of the files and sockets of one node's programs. */
export interface NodePaths {
  agentConfig: string;
  nodeConfig: string;
  allocations: string;
  state: string;
  pods: string;
  birdConfig: string;
  birdSocket: string;
}

/** A pod's manifest, with the fields that an agent reads. */
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
  const allocations = node.pods.map(pod => allocationOf(pod));
  return `${JSON.stringify({ version: 1, allocations }, null, 2)}\n`;
}

export function agentConfig(node: NodePlan, paths: NodePaths): string {
  return stringify({
    node: { name: node.name },
    pods: { source: 'directory', path: paths.pods },
    allocations: { path: paths.allocations, owner: 'other' },
    nodeConfig: { path: paths.nodeConfig },
    state: { path: paths.state },
    bird: { config: paths.birdConfig, socket: paths.birdSocket },
    observe: { listen: statusAddress },
  });
}

export function nodeConfig(node: NodePlan): string {
  return stringify(nodeConfigOf(node));
}
