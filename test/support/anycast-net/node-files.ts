/** The contents of the files that an agent of the plan's network reads, as objects. */
import type { AllocationInput } from '../../../lib/sources/allocations/allocation.ts';
import { anycastAddresses, type NodePlan, type PodPlan, router } from './plan.ts';

/** What CNI committed for a pod. */
export function allocationOf(pod: PodPlan, uid = pod.uid): AllocationInput {
  return {
    namespace: 'default',
    name: pod.name,
    uid,
    hostInterface: pod.hostInterface,
    ipv4: pod.address.ipv4,
    ipv6: pod.address.ipv6,
    anycast: [...anycastAddresses],
    addresses: [],
    state: 'committed',
  };
}

export function nodeConfigOf(node: NodePlan, { draining = false } = {}) {
  return {
    bgp: {
      localAsn: node.asn,
      routerId: node.address.ipv4,
      peers: [
        { name: 'router-ipv4', address: node.routerAddress.ipv4, asn: router.asn },
        { name: 'router-ipv6', address: node.routerAddress.ipv6, asn: router.asn },
      ],
    },
    advertise: { prefixes: node.podPrefixes },
    ...(draining && { node: { draining } }),
  };
}
