/**
 * How one pass brings destinations to their nexthops by groups: which cohort each belongs to, whether its route has
 * to be written or the group's change alone does it, and what became of either.
 */

import type { Cohort } from '../groups/cohort.ts';
import { assignCohorts, type Move } from '../groups/cohort-assignment.ts';
import type { Cohorts } from '../groups/cohorts.ts';
import { ObjectRequests, type Outcomes } from '../groups/object-requests.ts';
import { errnoName } from '../socket/errno.ts';
import { sameNexthops } from '../socket/nexthops.ts';
import type { RouteBatch } from '../socket/route-batch.ts';
import { outcomeUnknown } from '../socket/route-socket.ts';
import type { Programmed, RouteProtocols } from '../state/route-entry.ts';
import { protocolOf, type RouteRequest } from './route-request.ts';

/** What became of a request whose group did not come about. */
export interface GroupFailure {
  errno: number;
  words: string | undefined;
  /** The route as it is all the same: written, and through the group as that was before. */
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
   * Gives each request its group, and puts what groups need into the batch: routes come behind.
   *
   * @param now the clock, in milliseconds
   */
  write(requests: readonly RouteRequest[], now: number): void {
    if (this.#cohorts.form !== undefined) this.#assign(requests);
    this.#requests.write(now);
  }

  /** Puts the deletion of what nobody uses any more into the batch. */
  sweep(): void {
    this.#requests.sweep(this.#assigned);
  }

  /** Where in the batch the group's change is that alone brings a request about; undefined when none does. */
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

  /** Nobody knows what became of it. */
  abandon(): void {
    this.#requests.close();
  }

  /**
   * @param errno at the request's place
   * @returns undefined where its group is as it should be
   */
  failureOf(request: RouteRequest, errno: number): GroupFailure | undefined {
    const { group } = request;
    const failure = this.#requests.failureOf(group);
    if (failure === undefined) return undefined;
    const content = this.#cohorts.get(group)?.content;
    const protocol = protocolOf(request, this.#protocols);
    const left = errno === 0 && content?.length ? { left: { protocol, nexthops: content, group } } : {};
    // An id that another owner has, or a group that vanished: the next pass knows better, and needs no pause.
    const known = !['EEXIST', 'ENOENT'].includes(errnoName(failure.errno));
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
