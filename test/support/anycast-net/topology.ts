/** The network of the plan, in namespaces of a lab. */
import { existsSync } from 'node:fs';
import type { Lab, Namespace } from '../lab.ts';
import {
  type Addresses,
  anycast,
  client as clientPlan,
  type NodePlan,
  nodes as nodePlans,
  type PodPlan,
  router as routerPlan,
} from './plan.ts';

export interface Topology {
  client: Namespace;
  router: Namespace;
  /** By the plan's names. */
  nodes: ReadonlyMap<string, Namespace>;
  pods: ReadonlyMap<string, Namespace>;
}

const forwarding = {
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  // A pod whose route has left still answers, from an address that is routed elsewhere by then.
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
};

/** Each flow chooses its path by addresses and ports. */
const byFlow = {
  'net.ipv4.fib_multipath_hash_policy': 1,
  'net.ipv6.fib_multipath_hash_policy': 1,
};

/**
 * The same with fields of our choice (ip-sysctl.rst, fib_multipath_hash_fields): all but the destination port.
 *
 * Each machine hashes with a random key of its own, but namespaces share their kernel's key. If router and nodes
 * hashed the same fields, all flows that the router sends to a node would select the same one of its two pods. So it is
 * before Linux 5.12, which has no choice of fields.
 */
const byFlowUnlikeNodes = existsSync('/proc/sys/net/ipv4/fib_multipath_hash_fields')
  ? {
      'net.ipv4.fib_multipath_hash_policy': 3,
      'net.ipv4.fib_multipath_hash_fields': 0x17,
      'net.ipv6.fib_multipath_hash_policy': 3,
      'net.ipv6.fib_multipath_hash_fields': 0x17,
    }
  : byFlow;

/** @param signal once it is aborted, nothing more is made */
export async function buildTopology(
  lab: Lab,
  signal: AbortSignal,
  plans: readonly NodePlan[] = nodePlans,
): Promise<Topology> {
  const make = async (role: string, sysctls: Record<string, number> = {}) => {
    signal.throwIfAborted();
    const namespace = await lab.namespace(role);
    if (Object.keys(sysctls).length > 0) await namespace.sysctl(sysctls);
    return namespace;
  };

  const router = await make('router', { ...forwarding, ...byFlowUnlikeNodes });
  const client = await make('client');
  await join(client, 'uplink', clientPlan.address, router, routerPlan.clientInterface, clientPlan.gateway);
  await defaultRoute(client, 'uplink', clientPlan.gateway);

  const nodes = new Map<string, Namespace>();
  const pods = new Map<string, Namespace>();
  for (const plan of plans) {
    const node = await make(plan.name, { ...forwarding, ...byFlow });
    nodes.set(plan.name, node);
    await joinNode(node, plan, router);
    for (const podPlan of plan.pods) {
      signal.throwIfAborted();
      pods.set(podPlan.name, await makePod(podPlan, node));
    }
  }
  return { client, router, nodes, pods };
}

/** A pod's sandbox, as CNI makes it for a node. */
export async function makePod(plan: PodPlan, node: Namespace): Promise<Namespace> {
  const pod = await node.lab.namespace(plan.name);
  await joinPod(pod, plan, node);
  return pod;
}

async function joinNode(node: Namespace, plan: NodePlan, router: Namespace): Promise<void> {
  await join(node, 'uplink', plan.address, router, plan.routerInterface, plan.routerAddress);
  await defaultRoute(node, 'uplink', plan.routerAddress);
}

/** Like CNI: a veth, unicast addresses, a default route. Then the pod's own part: the anycast address on `lo`. */
async function joinPod(pod: Namespace, plan: PodPlan, node: Namespace): Promise<void> {
  await join(pod, 'eth0', plan.address, node, plan.hostInterface, plan.gateway);
  await defaultRoute(pod, 'eth0', plan.gateway);
  await pod.configure('lo', `${anycast.ipv4}/32`, `${anycast.ipv6}/128`);
}

async function join(
  left: Namespace,
  leftInterface: string,
  leftAddress: Addresses,
  right: Namespace,
  rightInterface: string,
  rightAddress: Addresses,
): Promise<void> {
  await left.lab.link(left, leftInterface, right, rightInterface);
  await left.configure(leftInterface, ...withLength(leftAddress));
  await right.configure(rightInterface, ...withLength(rightAddress));
}

function withLength({ ipv4, ipv6 }: Addresses): string[] {
  return [`${ipv4}/28`, `${ipv6}/64`];
}

async function defaultRoute(
  namespace: Namespace,
  interfaceName: string,
  { ipv4, ipv6 }: Addresses,
): Promise<void> {
  await namespace.ipBatch([
    `route add default via ${ipv4} dev ${interfaceName}`,
    `route add default via ${ipv6} dev ${interfaceName}`,
  ]);
}
