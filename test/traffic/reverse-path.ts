/** Reverse-path filtering on the interfaces of pods; ip-sysctl.rst has the numbers. */
import type { PodPlan } from '../support/anycast-net/plan.ts';

/** Off on the interface of a node's first pod and loose on that of its second: both must do. */
export function offAndLoose({ name }: PodPlan): 0 | 2 {
  return name.endsWith('a') ? 0 : 2;
}

export function strict(): 1 {
  return 1;
}
