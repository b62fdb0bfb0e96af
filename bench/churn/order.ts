/** The messages between the churn's two processes, and the pods of the churn. Pure. */
import { destination } from '../field.ts';
import type { BenchPod } from '../population.ts';

export interface ChurnOrder {
  netns: string;
  pods: number;
  destinations: number;
  flipsPerSecond: number;
  seconds: number;
}

/** Pod `index` is behind `c<index>`; the node's end of that link. */
export const nodeAddress = (index: number) => `10.${16 + (index >> 8)}.${index & 255}.1`;
export const podAddress = (index: number) => `10.${16 + (index >> 8)}.${index & 255}.2`;

/** Each pod has its own part of the destinations, so that every flip changes the kernel. */
export function churnPods({ pods, destinations }: Pick<ChurnOrder, 'pods' | 'destinations'>): BenchPod[] {
  return Array.from({ length: pods }, (_, index) => {
    const addresses: string[] = [];
    for (let number = index; number < destinations; number += pods) addresses.push(destination(4, number));
    return { name: `churn-${index}`, hostInterface: `c${index}`, ipv4: podAddress(index), addresses };
  });
}
