/**
 * Allocations without the addresses that the policy refuses, whichever source committed them. It is between the
 * source of allocations and the reconciler, which sees nothing else.
 */

import { parseAddress } from '../base/address.ts';
import { Listeners } from '../base/listeners.ts';
import type { Source } from '../base/source.ts';
import { type AllocationView, isInForce, type PodView } from '../desired/views.ts';
import type { AddressPolicy, Refusal } from './policy.ts';
import { UnicastAddresses } from './unicast-addresses.ts';

/** The part of a pod that the policy decides by. */
export interface ClaimingPod extends PodView {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Canonical. */
  readonly podIPs?: readonly string[];
}

export interface PermittedAllocationsOptions {
  allocations: Source<AllocationView>;
  pods: Source<ClaimingPod>;
  /** The policy in force; undefined until all its inputs are known, and nothing is decided before that. */
  policy: () => AddressPolicy | undefined;
  /** Labels of a namespace; undefined for an unknown one. */
  namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
  /** Called when the refusals of a pod change; with none when nothing is refused any more. */
  onRefusals: (key: string, refusals: readonly Refusal[]) => void;
}

export class PermittedAllocations {
  readonly #options: PermittedAllocationsOptions;
  readonly #view = new Map<string, AllocationView>();
  readonly #refusals = new Map<string, readonly Refusal[]>();
  readonly #listeners = new Listeners<[keys: ReadonlySet<string>]>();
  readonly #offs: (() => void)[];
  readonly #unicast = new UnicastAddresses();
  /** The addresses that an allocation requests, canonical. */
  readonly #requested = new WeakMap<AllocationView, readonly string[]>();

  constructor(options: PermittedAllocationsOptions) {
    this.#options = options;
    const judge = (keys: ReadonlySet<string>) => this.#judge(this.#noteUnicast(keys));
    this.#offs = [options.allocations.onChange(judge), options.pods.onChange(judge)];
    this.#noteUnicast(options.pods.snapshot().keys());
  }

  /** True once all inputs were read: before that an absent allocation means nothing. */
  get synced(): boolean {
    const { allocations, pods, policy } = this.#options;
    return allocations.synced && pods.synced && policy() !== undefined;
  }

  /** By `namespace/name`; only of existing pods. */
  snapshot(): ReadonlyMap<string, AllocationView> {
    return this.#view;
  }

  /** What is refused now, by `namespace/name` of the pod. */
  refusals(): ReadonlyMap<string, readonly Refusal[]> {
    return this.#refusals;
  }

  onChange(listener: (keys: ReadonlySet<string>) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Decides all again: the policy, or the labels of a namespace, changed. */
  judgeAll(): void {
    this.#judge(new Set([...this.#options.allocations.snapshot().keys(), ...this.#view.keys()]));
  }

  stop(): void {
    for (const off of this.#offs) off();
  }

  /** @returns `keys`, and the pods that request an address which another pod has now, or has no longer */
  #noteUnicast(keys: Iterable<string>): ReadonlySet<string> {
    const concerned = new Set(keys);
    const moved = new Set<string>();
    for (const key of concerned)
      for (const address of this.#unicast.update(key, this.#unicastOf(key))) moved.add(address);
    if (moved.size === 0) return concerned;
    for (const [key, allocation] of this.#options.allocations.snapshot())
      if (this.#requestedBy(allocation).some(address => moved.has(address))) concerned.add(key);
    return concerned;
  }

  /** Another pod may have got the addresses of one that has ended. */
  #unicastOf(key: string): string[] {
    const pod = this.#options.pods.snapshot().get(key);
    if (pod === undefined || pod.containersTerminated) return [];
    const allocation = this.#options.allocations.snapshot().get(key);
    const isOfPod = allocation !== undefined && isInForce(allocation, pod);
    const given = isOfPod ? [allocation.ipv4, allocation.ipv6].flatMap(canonical) : [];
    const requested = allocation === undefined ? [] : this.#requestedBy(allocation);
    const all = new Set([...(pod.podIPs ?? []), ...given]);
    return [...all].filter(address => !requested.includes(address));
  }

  #requestedBy(allocation: AllocationView): readonly string[] {
    let requested = this.#requested.get(allocation);
    if (requested === undefined) {
      requested = [...allocation.anycast, ...allocation.addresses].flatMap(canonical);
      this.#requested.set(allocation, requested);
    }
    return requested;
  }

  #judge(keys: ReadonlySet<string>): void {
    const policy = this.#options.policy();
    if (policy === undefined) return;
    const changed = new Set<string>();
    for (const key of keys) if (this.#judgeOne(key, policy)) changed.add(key);
    this.#listeners.notify(changed);
  }

  /** @returns whether the pod's allocation changed */
  #judgeOne(key: string, policy: AddressPolicy): boolean {
    const allocation = this.#options.allocations.snapshot().get(key);
    const pod = this.#options.pods.snapshot().get(key);
    if (allocation === undefined || pod === undefined) {
      this.#note(key, []);
      return this.#view.delete(key);
    }
    const claimant = {
      namespace: pod.namespace,
      namespaceLabels: this.#options.namespaceLabels(pod.namespace),
      serviceAccount: pod.serviceAccount,
    };
    const refusals: Refusal[] = [];
    const permitted = (texts: readonly string[]) =>
      texts.filter(text => {
        const refusal = policy.refusalOf(claimant, text, address => this.#unicast.otherOwner(address, key));
        if (refusal !== undefined) refusals.push(refusal);
        return refusal === undefined;
      });
    const anycast = permitted(allocation.anycast);
    const addresses = permitted(allocation.addresses);
    this.#note(key, refusals);
    // The same object while nothing is refused: what is reported once per allocation goes by its identity.
    const judged = refusals.length === 0 ? allocation : { ...allocation, anycast, addresses };
    const before = this.#view.get(key);
    if (before === judged || JSON.stringify(before) === JSON.stringify(judged)) return false;
    this.#view.set(key, judged);
    return true;
  }

  #note(key: string, refusals: readonly Refusal[]): void {
    const before = this.#refusals.get(key) ?? [];
    if (refusals.length > 0) this.#refusals.set(key, refusals);
    else this.#refusals.delete(key);
    const same =
      before.length === refusals.length &&
      before.every(({ message }, index) => message === refusals[index]?.message);
    if (!same) this.#options.onRefusals(key, refusals);
  }
}

/** @returns none for what is not an address */
function canonical(text: string | null | undefined): string[] {
  if (!text) return [];
  try {
    const address = parseAddress(text).text;
    // The same string object where it is canonical already: there may be very many.
    return [address === text ? text : address];
  } catch {
    return [];
  }
}
