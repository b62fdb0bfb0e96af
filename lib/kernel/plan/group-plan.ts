/**
 * Nexthop groups in one pass: which cohort each destination belongs to, whether its route has to be written or the
 * change of the group is enough, and the outcome of both.
 */

import type { Cohort } from '../groups/cohort.ts';
import { assignCohorts, type Move } from '../groups/cohort-assignment.ts';
import type { Cohorts } from '../groups/cohorts.ts';
import { ObjectRequests, type Outcomes } from '../groups/object-requests.ts';
import { errnoName } from '../socket/errno.ts';
import { lacksObject } from '../socket/nexthop-object.ts';
import { sameNexthops } from '../socket/nexthops.ts';
import type { RouteBatch } from '../socket/route-batch.ts';
import { outcomeUnknown } from '../socket/route-socket.ts';
import type { Programmed, RouteProtocols } from '../state/route-entry.ts';
import { protocolOf, type RouteRequest } from './route-request.ts';

/** Why a request failed whose group could not be written. */
export interface GroupFailure {
  errno: number;
  words: string | undefined;
  /** The route as it is nevertheless: written, and through the group as that was before. */
  left?: Programmed;
}

export class GroupPlan {
  readonly #cohorts: Cohorts;
  readonly #protocols: RouteProtocols;
  readonly #requests: ObjectRequests;
  readonly #assigned = new Set<Cohort>();

  constructor(cohorts: Cohorts, protocols: RouteProtocols, batch: RouteBatch) {
    this.#cohorts = cohorts;
    this.#protocols = protocols;
    this.#requests = new ObjectRequests(cohorts, batch);
  }

  /**
   * Gives each request its group, and adds the requests for groups to the batch, before those for routes.
   *
   * @param now the clock, in milliseconds
   */
  write(requests: readonly RouteRequest[], now: number): void {
    if (this.#cohorts.form !== undefined) this.#assign(requests);
    this.#requests.write(now);
  }

  /** Adds the deletion of unused groups and nexthops to the batch. */
  sweep(): void {
    this.#requests.sweep(this.#assigned);
  }

  /** The place in the batch of the group's change when that change is all a request needs; undefined otherwise. */
  placeOf(request: RouteRequest): number | undefined {
    const { entry, kind, group } = request;
    if (group === 0 || entry.rewrite || kind === 'create') return undefined;
    const { programmed } = entry;
    const sameRoute =
      programmed?.group === group && programmed.protocol === protocolOf(request, this.#protocols);
    const cohort = this.#cohorts.get(group);
    return sameRoute && cohort !== undefined ? this.#requests.placeOf(cohort) : undefined;
  }

  /** Takes the outcomes of objects in. @returns whether the kernel has to be read before it is written again */
  settle(outcomes: Outcomes): boolean {
    return this.#requests.settle(outcomes);
  }

  /** The outcome is not known: what was planned is planned no longer. */
  abandon(): void {
    this.#requests.close();
  }

  /**
   * @param errno at the request's place
   * @param words of the kernel, for it
   * @returns undefined where its group is as it should be
   */
  failureOf(request: RouteRequest, errno: number, words?: string): GroupFailure | undefined {
    const { group } = request;
    const failure = this.#requests.failureOf(group);
    if (failure === undefined)
      return group !== 0 && lacksObject(errno, words)
        ? { errno: outcomeUnknown, words: undefined }
        : undefined;
    const content = this.#cohorts.get(group)?.content;
    const protocol = protocolOf(request, this.#protocols);
    const left = errno === 0 && content?.length ? { left: { protocol, nexthops: content, group } } : {};
    // An id that another owner has, or a group or a member of it that vanished: the next reading shows it, and the
    // pass after it tries again without a pause.
    const known =
      !['EEXIST', 'ENOENT'].includes(errnoName(failure.errno)) && !lacksObject(failure.errno, failure.words);
    return known ? { ...failure, ...left } : { errno: outcomeUnknown, words: undefined, ...left };
  }

  #assign(requests: readonly RouteRequest[]): void {
    const moves: Move<RouteRequest>[] = [];
    for (const request of requests) {
      const { entry, nexthops } = request;
      if (nexthops.length === 0) continue;
      const from = this.#cohorts.get(entry.programmed?.group ?? 0);
      if (from?.fit && sameNexthops(from.content, nexthops)) this.#join(request, from);
      else moves.push({ entry: request, family: entry.family, from, nexthops });
    }
    for (const [request, cohort] of assignCohorts(moves, this.#cohorts)) this.#join(request, cohort);
  }

  #join(request: RouteRequest, cohort: Cohort): void {
    request.group = cohort.id;
    this.#assigned.add(cohort);
  }
}
