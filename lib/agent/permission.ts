/** The address policy in force, the allocations that it leaves, and what it refuses, reported. */
import type { PodLog } from '../base/pod-log.ts';
import { PermittedAllocations, type PermittedAllocationsOptions } from '../policy/permitted-allocations.ts';
import { AddressPolicy, type PolicyInput } from '../policy/policy.ts';

export type PolicySources = Pick<PermittedAllocationsOptions, 'allocations' | 'pods'>;

export class Permission {
  readonly #podLog: PodLog;
  readonly #namespaceLabels: PermittedAllocationsOptions['namespaceLabels'];
  #policy: AddressPolicy | undefined;
  #permitted: PermittedAllocations | undefined;

  constructor({
    podLog,
    namespaceLabels,
  }: Pick<PermittedAllocationsOptions, 'namespaceLabels'> & { podLog: PodLog }) {
    this.#podLog = podLog;
    this.#namespaceLabels = namespaceLabels;
  }

  /** Allocations without the addresses that their pods may not use. Refusals are logged once, and when they change. */
  permit(sources: PolicySources): PermittedAllocations {
    this.#permitted = new PermittedAllocations({
      ...sources,
      policy: () => this.#policy,
      namespaceLabels: this.#namespaceLabels,
      onRefusals: (key, refusals) => {
        for (const { reason, address, message, remedy } of refusals) {
          this.#podLog.warn(key, { code: reason, address, remedy }, `refused: ${message}`);
        }
        if (refusals.length === 0) this.#podLog.info(key, {}, 'no address of this pod is refused any more');
      },
    });
    // The policy may have been there first.
    this.#permitted.judgeAll();
    return this.#permitted;
  }

  /** Puts a policy in force, until another one is. */
  set(input: PolicyInput): void {
    this.#policy = new AddressPolicy(input);
    this.#permitted?.judgeAll();
  }

  stop(): void {
    this.#permitted?.stop();
  }

  /** What pods ask for and do not get, as `/status` shows it. */
  refusals() {
    return [...(this.#permitted?.refusals() ?? [])].flatMap(([pod, refusals]) =>
      refusals.map(({ reason, address, message, remedy }) => ({
        pod,
        reason,
        message,
        value: address,
        remedy,
      })),
    );
  }
}
