/**
 * Committed allocations that are not in force because their pod has another uid. For a moment that is usual: a pod
 * of the same name was created, and its addresses are not committed yet. A pod that is Ready has been through CNI:
 * then it is a mistake, and the pod's addresses are never routed.
 */
import type { Log } from '../../base/log.ts';
import type { Pod } from '../pods/pod.ts';
import type { PodCache } from '../pods/pod-cache.ts';
import type { Allocation } from './allocation.ts';
import type { AllocationSource } from './allocation-source.ts';

/** An allocation that is not in force. */
export interface UidRefusal {
  /** `namespace/name` of the pod. */
  readonly pod: string;
  readonly reason: 'OtherUid';
  readonly message: string;
  /** The uid of the allocation. */
  readonly value: string;
  readonly remedy: string;
}

export interface OtherUidsOptions {
  allocations: Pick<AllocationSource, 'snapshot' | 'onChange'>;
  pods: Pick<PodCache, 'snapshot' | 'onChange'>;
  log: Log;
}

export class OtherUids {
  readonly #options: OtherUidsOptions;
  readonly #refusals = new Map<string, UidRefusal>();

  constructor(options: OtherUidsOptions) {
    this.#options = options;
    const judge = (keys: ReadonlySet<string>) => {
      for (const key of keys) this.#judge(key);
    };
    options.allocations.onChange(judge);
    options.pods.onChange(judge);
  }

  /** Those of now. */
  refusals(): UidRefusal[] {
    return [...this.#refusals.values()];
  }

  #judge(key: string): void {
    const { allocations, pods, log } = this.#options;
    const refusal = refusalOf(key, allocations.snapshot().get(key), pods.snapshot().get(key));
    const before = this.#refusals.get(key);
    if (before?.message === refusal?.message) return;
    if (refusal === undefined) {
      this.#refusals.delete(key);
      log.info({ pod: key }, 'the allocation of this pod is in force');
      return;
    }
    this.#refusals.set(key, refusal);
    const { reason, message, value, remedy } = refusal;
    log.warn({ code: reason, pod: key, value, remedy }, `refused: ${message}`);
  }
}

function refusalOf(
  key: string,
  allocation: Allocation | undefined,
  pod: Pod | undefined,
): UidRefusal | undefined {
  if (allocation?.state !== 'committed' || !pod?.ready || pod.terminating || pod.containersTerminated)
    return undefined;
  if (allocation.uid === pod.uid || allocation.uid === pod.staticUid) return undefined;
  const also = pod.staticUid === undefined ? '' : ` (as a static pod ${pod.staticUid})`;
  return {
    pod: key,
    reason: 'OtherUid',
    message: `the allocation of ${key} is for the uid ${allocation.uid}, and the pod's is ${pod.uid}${also}`,
    value: allocation.uid,
    remedy: 'have CNI report the uid that it got for this pod (K8S_POD_UID of CNI_ARGS)',
  };
}
