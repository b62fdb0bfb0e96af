/** What deciding about routes sees of pods and allocations, and what it gives: the words of this room. Pure. */
import type { Destination } from '../base/address.ts';

/** One pod's way in on this node. */
export interface Nexthop {
  /** The host's end of the pod's veth. */
  readonly interface: string;
  /** The pod's unicast address of the destination's family, canonical. */
  readonly via: string;
  /** Share among the nexthops of one destination, 1 to 256. */
  readonly weight: number;
  /** Its source knows that `via` is on the link of that interface, whatever addresses the interface has. */
  readonly onlink?: boolean;
}

/** A destination and the nexthops that serve it, in canonical order, never empty. */
export interface AnycastTarget {
  readonly destination: Destination;
  readonly nexthops: readonly Nexthop[];
}

/** The part of an allocation that decides. */
export interface AllocationView {
  /** Of the pod object that it was made for. */
  readonly uid: string;
  /** The host's end of the pod's veth. */
  readonly hostInterface: string;
  /** The pod's unicast addresses, in any legal spelling. */
  readonly ipv4?: string | null | undefined;
  readonly ipv6?: string | null | undefined;
  /** Both are on the link of `hostInterface`, whatever addresses that has. */
  readonly onlink?: boolean | undefined;
  /** Anycast addresses from the annotation, and further ones, without prefix length. */
  readonly anycast: readonly string[];
  readonly addresses: readonly string[];
  /** Only committed ones are routed. */
  readonly state: 'pending' | 'committed';
}

/** The part of a pod that decides. */
export interface PodView {
  readonly uid: string;
  /** The condition `Ready` is `True`. */
  readonly ready: boolean;
  /** It has a deletionTimestamp. */
  readonly terminating: boolean;
  /** Nothing in it runs any more. */
  readonly containersTerminated?: boolean;
  /** Read are `flock-anycast.io/drain-seconds` and `flock-anycast.io/weight`. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Something of an allocation that contributes nothing, and why. */
export interface ResolveWarning {
  /** `namespace/name` of the pod. */
  readonly key: string;
  readonly message: string;
  readonly value: string;
  readonly remedy: string;
}

/** Whether an allocation is in force for a pod: one made for another uid is of a pod that is gone. */
export function isInForce(allocation: AllocationView, pod: PodView): boolean {
  return allocation.state === 'committed' && allocation.uid === pod.uid;
}

/** A pod takes new traffic while it is Ready and not being deleted. */
export function isEligible(pod: PodView): boolean {
  return pod.ready && !pod.terminating;
}
