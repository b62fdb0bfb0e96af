/** Pods with their addresses, in any number, in the format of each source. Pure. */
import type { AllocationInput } from '../lib/sources/allocations/allocation.ts';
import { type Cell, destination, type Family, gateway } from './field.ts';

export interface BenchPod {
  name: string;
  hostInterface: string;
  ipv4?: string;
  ipv6?: string;
  addresses: string[];
}

const namespace = 'default';
export const keyOf = ({ name }: BenchPod) => `${namespace}/${name}`;

/**
 * Pods in groups: each group's addresses are served by as many pods as a route has nexthops.
 *
 * @param groups the number of groups that the addresses are distributed to
 * @param variant of the pods' own addresses: another variant changes every route
 */
export function populationOf(cell: Cell, groups: number, variant: 0 | 1 = 0): BenchPod[] {
  const { family, nexthops, destinations } = cell;
  const pods: BenchPod[] = [];
  for (let group = 0; group < groups; group++) {
    const addresses: string[] = [];
    for (let number = group; number < destinations; number += groups)
      addresses.push(destination(family, number));
    for (let pod = 0; pod < nexthops; pod++)
      pods.push(podOn(family, pod, variant, `pod-${group}-${pod}`, addresses));
  }
  return pods;
}

/** A pod behind one of the field's interfaces. */
export function podOn(
  family: Family,
  interfaceNumber: number,
  variant: 0 | 1,
  name: string,
  addresses: string[],
): BenchPod {
  const via = gateway(family, interfaceNumber, variant);
  return { name, hostInterface: `p${interfaceNumber}`, [family === 4 ? 'ipv4' : 'ipv6']: via, addresses };
}

export function allocationOf({ name, addresses, ...rest }: BenchPod): AllocationInput & {
  anycast: string[];
  addresses: string[];
} {
  return { namespace, name, uid: name, ...rest, anycast: [], addresses, state: 'committed' };
}

/** A pod's manifest, as from an API server or a file. */
export function manifestOf({ name }: BenchPod, ready: boolean): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, uid: name },
    spec: { nodeName: 'node', containers: [{ name: 'main' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
}
