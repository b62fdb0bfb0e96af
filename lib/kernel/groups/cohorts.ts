/**
 * Nexthop groups as we believe the kernel has them: one for each cohort of destinations that share their
 * nexthops, and a nexthop object for each interface and gateway in them.
 *
 * Quirks, each seen on Linux 6.18 (test/kernel/groups.test.ts):
 * - An interface that is set down or deleted takes its nexthop objects along and out of their groups, and notifies
 *   of neither; the routes stay. When the last member goes, the kernel also deletes the group and its routes.
 * - It does not give them back when it is set up again.
 * - A group can not become one of another kind, nor of other buckets.
 */
import type { Family } from '../../base/address.ts';
import { emptyNexthops, withoutInterface } from '../socket/nexthops.ts';
import type { Marking } from './cohort.ts';
import { Cohort } from './cohort.ts';
import { type CohortBook, keyOf } from './cohort-assignment.ts';
import type { GroupForm } from './group-form.ts';
import { NexthopRegister } from './nexthop-register.ts';
import { ObjectIds } from './object-ids.ts';

export class Cohorts implements CohortBook {
  readonly form: GroupForm;
  /** Route protocol number that marks our objects. */
  readonly protocol: number;
  readonly ids: ObjectIds;
  readonly nexthops: NexthopRegister;
  readonly #byId = new Map<number, Cohort>();
  /** By what they are to lead through. */
  readonly #byPlan = new Map<string, Set<Cohort>>();
  /** Those without a destination. */
  readonly #empty = new Set<Cohort>();
  /** Those that this pass writes, each with the cohort that its first destinations come from. */
  #changes = new Map<Cohort, Cohort | undefined>();
  readonly #marking = new Set<Cohort>();

  constructor(form: GroupForm, protocol: number) {
    this.form = form;
    this.protocol = protocol;
    this.ids = new ObjectIds(protocol);
    this.nexthops = new NexthopRegister(this.ids);
  }

  /** Whether there are unused objects, or changes to write. */
  get busy(): boolean {
    const { unused, offlink } = this.nexthops;
    return this.#empty.size > 0 || unused.size > 0 || offlink.size > 0 || this.#changes.size > 0;
  }

  /** Whether a route through this group (0: none) is of the form that is configured. */
  suits(group: number): boolean {
    return this.form === undefined ? group === 0 : (this.#byId.get(group)?.fit ?? false);
  }

  get(group: number): Cohort | undefined {
    return this.#byId.get(group);
  }

  /** A destination is programmed through a group; 0 is none. */
  join(group: number): void {
    const cohort = this.#byId.get(group);
    if (cohort === undefined) return;
    cohort.size++;
    this.#empty.delete(cohort);
  }

  /** A destination is no longer programmed through a group; 0 is none. */
  leave(group: number): void {
    const cohort = this.#byId.get(group);
    if (cohort === undefined) return;
    cohort.size--;
    if (cohort.size === 0) this.#empty.add(cohort);
  }

  find(family: Family, nexthops: Uint8Array): Cohort | undefined {
    let largest: Cohort | undefined;
    for (const cohort of this.#byPlan.get(keyOf(family, nexthops)) ?? []) {
      if (cohort.fit && cohort.size >= (largest?.size ?? 0)) largest = cohort;
    }
    return largest;
  }

  create(family: Family, nexthops: Uint8Array, parent: Cohort | undefined): Cohort {
    const cohort = this.#enter(this.ids.take(), family);
    this.#plan(cohort, nexthops);
    this.#changes.set(cohort, parent);
    return cohort;
  }

  change(cohort: Cohort, nexthops: Uint8Array): void {
    this.#plan(cohort, nexthops);
    this.#changes.set(cohort, undefined);
  }

  /** When a group's buckets will all be marked, in milliseconds of the clock; infinity when none waits for it. */
  get nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { marking } of this.#marking) next = Math.min(next, marking?.until ?? next);
    return next;
  }

  /** Its buckets are being marked; undefined: they are no more. */
  mark(cohort: Cohort, marking: Marking | undefined): void {
    cohort.marking = marking;
    if (marking === undefined) this.#marking.delete(cohort);
    else this.#marking.add(cohort);
  }

  /** What is to be written since the last call, or by the clock: cohorts, each with the one that it parts from. */
  takeChanges(now: number): ReadonlyMap<Cohort, Cohort | undefined> {
    for (const cohort of this.#marking) {
      const due = (cohort.marking?.until ?? now) <= now;
      if (due && !this.#changes.has(cohort)) this.#changes.set(cohort, undefined);
    }
    const changes = this.#changes;
    if (changes.size > 0) this.#changes = new Map();
    return changes;
  }

  /** The kernel's group leads through these now. */
  setContent(cohort: Cohort, content: Uint8Array): void {
    this.nexthops.use(content);
    this.nexthops.release(cohort.content);
    cohort.content = content;
  }

  /** The pass is over: what was planned and not done is planned no longer. */
  close(cohort: Cohort): void {
    this.#plan(cohort, cohort.content);
    if (cohort.content.length === 0 && cohort.size === 0) this.forget(cohort);
  }

  /** Another owner has its id. */
  yieldId(cohort: Cohort): void {
    this.forget(cohort);
    this.ids.reserve(cohort.id);
  }

  /** Those that the kernel has without a destination. */
  get unused(): Iterable<Cohort> {
    return this.#empty;
  }

  /** It can not be deleted: not tried again before the kernel is read again. */
  giveUp(cohort: Cohort): void {
    this.#empty.delete(cohort);
  }

  /** The kernel has it no more. */
  forget(cohort: Cohort): void {
    this.setContent(cohort, emptyNexthops);
    this.#plan(cohort, emptyNexthops);
    this.#byPlan.get(keyOf(cohort.family, emptyNexthops))?.delete(cohort);
    this.mark(cohort, undefined);
    this.#byId.delete(cohort.id);
    this.#empty.delete(cohort);
    this.ids.release(cohort.id);
  }

  /**
   * An interface went or was set down, and its nexthops left their groups. What is left is written once more: the
   * kernel does not notify of it, and BIRD may have read the routes before.
   */
  loseLink(interfaceIndex: number): void {
    if (!this.nexthops.lose(interfaceIndex)) return;
    for (const cohort of [...this.#byId.values()]) {
      const kept = withoutInterface(cohort.content, interfaceIndex);
      if (kept.length === cohort.content.length) continue;
      if (this.shrink(cohort, kept) && kept.length > 0) this.#changes.set(cohort, undefined);
    }
  }

  /**
   * The kernel's group leads through less, or is gone.
   *
   * @returns false while a change of ours is being written: then it is not known which came first
   */
  shrink(cohort: Cohort, content: Uint8Array): boolean {
    const settled = cohort.planned === cohort.content;
    this.setContent(cohort, content);
    if (settled) this.#plan(cohort, content);
    return settled;
  }

  /**
   * Believes what a reading found of ours.
   *
   * @param groups by id; what is not among them is gone
   */
  adopt(groups: ReadonlyMap<number, AdoptedGroup>): void {
    for (const cohort of [...this.#byId.values()]) {
      if (groups.has(cohort.id)) continue;
      this.setContent(cohort, emptyNexthops);
      this.close(cohort);
    }
    for (const [id, { family, content, fit, stale, marking }] of groups) {
      const cohort = this.#byId.get(id) ?? this.#enterOld(id, family);
      cohort.fit = fit;
      this.setContent(cohort, content);
      this.#plan(cohort, content);
      this.mark(cohort, marking);
      if (cohort.size === 0) this.#empty.add(cohort);
      if (fit && stale) this.#changes.set(cohort, undefined);
    }
  }

  #enter(id: number, family: Family): Cohort {
    this.ids.reserve(id);
    const cohort = new Cohort(id, family);
    this.#byId.set(id, cohort);
    this.#empty.add(cohort);
    return cohort;
  }

  /** A group of an earlier run: it is not known how long it has had one member. */
  #enterOld(id: number, family: Family): Cohort {
    const cohort = this.#enter(id, family);
    cohort.aloneSince = Number.NEGATIVE_INFINITY;
    return cohort;
  }

  #plan(cohort: Cohort, nexthops: Uint8Array): void {
    this.nexthops.use(nexthops);
    this.nexthops.release(cohort.planned);
    const before = keyOf(cohort.family, cohort.planned);
    const namesakes = this.#byPlan.get(before);
    namesakes?.delete(cohort);
    if (namesakes?.size === 0) this.#byPlan.delete(before);
    cohort.planned = nexthops;
    const key = keyOf(cohort.family, nexthops);
    const others = this.#byPlan.get(key);
    if (others === undefined) this.#byPlan.set(key, new Set([cohort]));
    else others.add(cohort);
  }
}

/** A group of ours as a dump has it. */
export interface AdoptedGroup {
  family: Family;
  /** Packed nexthops with their weights, in canonical order. */
  content: Uint8Array;
  /** Of the configured kind and buckets, and of known members alone. */
  fit: boolean;
  /** With timers that are not configured. */
  stale: boolean;
  /** While its buckets are being marked. */
  marking: Marking | undefined;
}
