/** The inputs and results of deciding about routes: pods and allocations, nexthops and targets. Pure. */
import type { Destination } from '../base/address.ts';

/** The route to one pod on this node. */
export interface Nexthop {
  /** The host's end of the pod's veth. */
  readonly interface: string;
  /** The pod's unicast address of the destination's family, canonical. */
  readonly via: string;
  /** Share among the nexthops of one destination, 1 to 255. */
  readonly weight: number;
  /** The allocation's source knows that `via` is on the link of that interface, whatever addresses the interface has. */
  readonly onlink?: boolean;
}

/** A destination and the nexthops that serve it, in canonical order, never empty. */
export interface AnycastTarget {
  readonly destination: Destination;
  readonly nexthops: readonly Nexthop[];
}

/** The fields of an allocation that the decision needs. */
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

/** The fields of a pod that the decision needs. */
export interface PodView {
  readonly uid: string;
  /** The uid by which CNI knows a static pod. */
  readonly staticUid?: string;
  /** The condition `Ready` is `True`. */
  readonly ready: boolean;
  /**
   * Ready is False, and that is not the pod's own word: ContainersReady is True and all its readiness gates hold, so
   * that its kubelet would have written True.
   */
  readonly notOwnWord?: boolean;
  /** It has a deletionTimestamp. */
  readonly terminating: boolean;
  /** No container of the pod runs any more, or will run again. */
  readonly containersTerminated?: boolean;
  /** Read are `flock-anycast.io/drain-seconds` and `flock-anycast.io/weight`. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A part of an allocation that contributes nothing, and why. */
export interface ResolveWarning {
  /** `namespace/name` of the pod. */
  readonly key: string;
  readonly message: string;
  readonly value: string;
  readonly remedy: string;
}

/** Whether an allocation is in force for a pod: an allocation with another uid belongs to a former pod. */
export function isInForce(allocation: AllocationView, pod: PodView): boolean {
  return allocation.state === 'committed' && (allocation.uid === pod.uid || allocation.uid === pod.staticUid);
}

/**
 * A pod takes new traffic while it is Ready, is not being deleted and has not ended. The end is a condition of its own:
 * a pod that was evicted or whose containers have exited keeps Ready True in its object until somebody writes it.
 */
export function isEligible(pod: PodView): boolean {
  return pod.ready && !pod.terminating && !pod.containersTerminated;
}

/** Whether two nexthops say the same. */
export function sameNexthop(left: Nexthop | undefined, right: Nexthop | undefined): boolean {
  return (
    left?.interface === right?.interface &&
    left?.via === right?.via &&
    left?.weight === right?.weight &&
    left?.onlink === right?.onlink
  );
}
