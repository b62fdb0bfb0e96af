/** The allocation that a pod's annotations request, given the paths to its addresses, or why there is none. Pure. */
import { parseAddress } from '../../base/address.ts';
import type { AddressPath } from '../../base/address-path.ts';
import type { Pod } from '../pods/pod.ts';
import type { Allocation } from './allocation.ts';
import { addressesAskedFor, type Reason } from './anycast-annotation.ts';

/** What to do about a pod whose address can not be a nexthop. */
const remedy =
  'run the pod in its own network namespace, with a CNI that routes its address to a veth or bridge of its node';

/** Whether a pod requests addresses, and the paths to its own addresses are needed. */
export function needsPaths(pod: Pod, keys: readonly string[]): boolean {
  return (
    !pod.hostNetwork && !pod.containersTerminated && keys.some(key => Object.hasOwn(pod.annotations, key))
  );
}

/**
 * @param pathTo the path to one of its addresses, known for each of them if it `needsPaths`
 * @param formerInterface the host interface of its last allocation, if it had one
 */
export function allocationOf(
  pod: Pod,
  keys: readonly string[],
  pathTo: (podIP: string) => AddressPath | undefined,
  formerInterface: string | undefined,
): { allocation?: Allocation; reasons: Reason[] } {
  const asked = addressesAskedFor(pod.annotations, keys);
  if (asked === undefined || pod.containersTerminated) return { reasons: [] };
  const reasons = pod.terminating ? [] : asked.reasons;
  const refuse = (value: string, message: string) => {
    // A pod that starts or ends has no path for a moment: that is not reported.
    if (pod.ready && !pod.terminating) reasons.push({ reason: 'NoWayToPod', value, message, remedy });
  };
  if (pod.hostNetwork) {
    const value = asked.addresses.join(', ');
    const message = 'a hostNetwork pod has no address of its own that could be a nexthop';
    return {
      reasons: pod.terminating ? [] : [...reasons, { reason: 'HostNetwork', value, message, remedy }],
    };
  }
  if (pod.podIPs.length === 0) return { reasons };

  const via: { ipv4?: string; ipv6?: string } = {};
  const anycast: string[] = [];
  let hostInterface: string | undefined;
  const nexthopOf = (family: 4 | 6): string | undefined => {
    const podIP = pod.podIPs.find(text => parseAddress(text).family === family);
    if (podIP === undefined) return `the pod has no IPv${family} address`;
    const path = pathTo(podIP);
    if (path?.kind !== 'neighbour') return `the pod's address ${podIP} is ${describe(path)}`;
    if (hostInterface !== undefined && hostInterface !== path.interface)
      return `the pod's address ${podIP} is on ${path.interface}, its other one on ${hostInterface}`;
    hostInterface = path.interface;
    via[`ipv${family}`] = podIP;
    return undefined;
  };
  for (const family of [4, 6] as const) {
    const wanted = asked.addresses.filter(text => parseAddress(text).family === family);
    if (wanted.length === 0) continue;
    const obstacle = nexthopOf(family);
    if (obstacle === undefined) anycast.push(...wanted);
    else refuse(wanted.join(', '), `${wanted.join(', ')}: ${obstacle}`);
  }
  if (hostInterface === undefined) return { reasons };
  // Its address may be given to another pod before its object is gone: a draining pod keeps its interface.
  if (pod.terminating && formerInterface !== undefined && formerInterface !== hostInterface)
    return { reasons };
  const { namespace, name, uid } = pod;
  return {
    allocation: {
      ...{ namespace, name, uid, hostInterface, ...via },
      // The kernel reports such a path, and is asked again whenever it may change.
      onlink: true,
      ...{ anycast, addresses: [], state: 'committed' },
    },
    reasons,
  };
}

function describe(path: AddressPath | undefined): string {
  switch (path?.kind) {
    case 'gateway':
      return `not on this node: it is reached through the gateway ${path.gateway} on ${path.interface}`;
    case 'local':
      return 'an address of the node itself';
    case 'none':
      return `not reached from this node: ${path.reason}`;
    default:
      return 'not looked up yet';
  }
}
