/**
 * One pass's requests about nexthop objects: nexthops first, then groups, before the routes that name them; and
 * after the routes the deletion of what is unused. A group is deleted in a pass after the one that took its last
 * destination, when that is known to have happened: the kernel deletes routes with their group.
 */
import { errnoName } from '../socket/errno.ts';
import {
  type NexthopObject,
  ObjectKind,
  ObjectOperation,
  packMembers,
  packObject,
} from '../socket/nexthop-object.ts';
import { countNexthops, emptyNexthops, withOnlink } from '../socket/nexthops.ts';
import { nexthopOffsets } from '../socket/record-layout.ts';
import type { RouteBatch } from '../socket/route-batch.ts';
import { outcomeUnknown } from '../socket/route-socket.ts';
import type { Cohort, Marking } from './cohort.ts';
import type { Cohorts } from './cohorts.ts';
import { heaviestIn } from './group-form.ts';
import { markingFor, weightsOf } from './marking.ts';
import type { NexthopRefusal, RegisteredNexthop } from './nexthop-register.ts';

/** Outcomes of a batch, `ApplyResult` in short. */
export interface Outcomes {
  readonly [at: number]: number;
  readonly messages: ReadonlyMap<number, string>;
}

type Action =
  | { create: RegisteredNexthop }
  | { markOnlink: RegisteredNexthop }
  | { write: Cohort; content: Uint8Array }
  | { drop: RegisteredNexthop | Cohort };
/** With its place in the batch. */
type Request = Action & { at: number };

export class ObjectRequests {
  readonly #cohorts: Cohorts;
  readonly #batch: RouteBatch;
  readonly #requests: Request[] = [];
  readonly #written = new Set<Cohort>();
  /** Where each cohort's last request is in the batch. */
  readonly #at = new Map<Cohort, number>();
  readonly #failures = new Map<number, NexthopRefusal>();

  constructor(cohorts: Cohorts, batch: RouteBatch) {
    this.#cohorts = cohorts;
    this.#batch = batch;
  }

  /**
   * Adds the requests that make each cohort lead through its planned nexthops.
   *
   * @param now the clock, in milliseconds
   */
  write(now: number): void {
    const created = new Set<RegisteredNexthop>();
    for (const nexthop of this.#cohorts.nexthops.offlink) this.#markOnlink(nexthop);
    for (const [cohort, parent] of this.#cohorts.takeChanges(now)) {
      this.#written.add(cohort);
      for (const nexthop of this.#cohorts.nexthops.find(cohort.planned)) {
        if (nexthop.present || created.has(nexthop)) continue;
        created.add(nexthop);
        this.#add({ create: nexthop }, ObjectOperation.create, this.#nexthopObject(nexthop, false));
        this.#markOnlink(nexthop);
      }
      this.#writeGroup(cohort, parent, now);
    }
  }

  /** Adds the deletion of what is unused; `assigned` are about to have destinations. */
  sweep(assigned: ReadonlySet<Cohort>): void {
    const drop = (unused: RegisteredNexthop | Cohort) => {
      const { id } = unused;
      const object = { kind: ObjectKind.group, id, protocol: 0, family: 0, nexthops: emptyNexthops };
      this.#add({ drop: unused }, ObjectOperation.delete, object);
    };
    for (const cohort of [...this.#cohorts.unused]) {
      if (assigned.has(cohort) || this.#written.has(cohort)) continue;
      if (cohort.content.length > 0) drop(cohort);
      else this.#cohorts.forget(cohort);
    }
    for (const nexthop of this.#cohorts.nexthops.unused) drop(nexthop);
  }

  /** Where the outcome of a cohort's change is in the batch; undefined when it is not changed. */
  placeOf(cohort: Cohort): number | undefined {
    return this.#at.get(cohort);
  }

  /** Why a cohort's change failed: a nexthop of it was refused, or the group itself. */
  failureOf(group: number): NexthopRefusal | undefined {
    return this.#failures.get(group);
  }

  /** Takes the outcomes in. @returns whether the kernel has to be read before it is written again */
  settle(outcomes: Outcomes): boolean {
    let doubt = false;
    for (const request of this.#requests) {
      const errno = outcomes[request.at] ?? outcomeUnknown;
      const outcome = { errno, words: errno === 0 ? undefined : outcomes.messages.get(request.at) };
      if (errno === outcomeUnknown) doubt = true;
      else if ('markOnlink' in request) this.#cohorts.nexthops.markOnlink(request.markOnlink, errno === 0);
      else if ('create' in request) doubt = this.#settleNexthop(request.create, outcome) || doubt;
      else if ('write' in request)
        doubt = this.#settleCohort(request.write, request.content, outcome) || doubt;
      else this.#settleDrop(request.drop, outcome);
    }
    this.close();
    return doubt;
  }

  /** The pass is over: a change that failed is planned no longer. */
  close(): void {
    for (const cohort of this.#written) this.#cohorts.close(cohort);
  }

  #settleNexthop(nexthop: RegisteredNexthop, outcome: NexthopRefusal): boolean {
    const { nexthops } = this.#cohorts;
    if (outcome.errno === 0) nexthops.accept(nexthop);
    else if (errnoName(outcome.errno) === 'EEXIST') nexthops.renumber(nexthop);
    else nexthops.refuse(nexthop, outcome);
    return errnoName(outcome.errno) === 'EEXIST';
  }

  #settleCohort(cohort: Cohort, content: Uint8Array, outcome: NexthopRefusal): boolean {
    if (outcome.errno === 0) {
      this.#cohorts.setContent(cohort, content);
      return false;
    }
    const refusal = this.#cohorts.nexthops.refusalIn(content);
    this.#failures.set(cohort.id, refusal ?? outcome);
    const taken = errnoName(outcome.errno) === 'EEXIST';
    if (taken) this.#cohorts.yieldId(cohort);
    return taken || refusal === undefined;
  }

  #settleDrop(unused: RegisteredNexthop | Cohort, { errno }: NexthopRefusal): void {
    const book = 'uses' in unused ? this.#cohorts.nexthops : this.#cohorts;
    const gone = errno === 0 || errnoName(errno) === 'ENOENT';
    if (gone) book.forget(unused as RegisteredNexthop & Cohort);
    else book.giveUp(unused as RegisteredNexthop & Cohort);
  }

  /** A resilient group that begins as its parent is, and is changed then, has its flows where the parent's are. */
  #writeGroup(cohort: Cohort, parent: Cohort | undefined, now: number): void {
    const { form } = this.#cohorts;
    const resilience = form?.kind === ObjectKind.resilientGroup ? form.resilience : undefined;
    const { planned } = cohort;
    const seed = resilience !== undefined && parent?.content.length ? parent.content : undefined;
    const marking = resilience && markingFor(cohort, seed, planned, now, resilience.idleTimer);
    this.#cohorts.mark(cohort, marking);
    cohort.aloneSince = countNexthops(planned) === 1 ? (cohort.aloneSince ?? now) : undefined;
    const write = (content: Uint8Array, exists: boolean, weights: readonly number[]) => {
      const operation = exists ? ObjectOperation.replace : ObjectOperation.create;
      this.#at.set(cohort, this.#batch.length);
      this.#add({ write: cohort, content }, operation, this.#groupObject(cohort, content, weights));
    };
    const exists = cohort.content.length > 0;
    const weights = (content: Uint8Array, marked?: Marking) =>
      weightsOf(content, marked, form === undefined ? Number.POSITIVE_INFINITY : heaviestIn(form));
    if (seed !== undefined) write(seed, exists, weights(seed));
    write(planned, exists || seed !== undefined, weights(planned, marking));
  }

  #add(action: Action, operation: ObjectOperation, object: NexthopObject): void {
    this.#requests.push({ ...action, at: this.#batch.length });
    this.#batch.addPacked(packObject(operation, object), 1);
  }

  /** After its creation in the same batch: if another owner takes the id in between, its object is overwritten. */
  #markOnlink(nexthop: RegisteredNexthop): void {
    this.#add({ markOnlink: nexthop }, ObjectOperation.replace, this.#nexthopObject(nexthop, true));
  }

  #nexthopObject({ id, bytes }: RegisteredNexthop, onlink: boolean): NexthopObject {
    const family = bytes[nexthopOffsets.gatewayFamily] as number;
    const nexthops = withOnlink(bytes, onlink);
    return { kind: ObjectKind.nexthop, id, protocol: this.#cohorts.protocol, family, nexthops };
  }

  #groupObject({ id }: Cohort, content: Uint8Array, weights: readonly number[]): NexthopObject {
    const { form, protocol, nexthops } = this.#cohorts;
    const members = nexthops
      .find(content)
      .map(({ id: member }, index) => ({ id: member, weight: weights[index] as number }))
      .sort((left, right) => left.id - right.id);
    const kind = form?.kind ?? ObjectKind.group;
    const resilience = form?.kind === ObjectKind.resilientGroup ? { resilience: form.resilience } : {};
    return { kind, id, protocol, family: 0, nexthops: packMembers(members), ...resilience };
  }
}
