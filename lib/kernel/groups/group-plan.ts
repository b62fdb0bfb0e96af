/**
 * How one pass brings destinations to their nexthops by groups: which cohort each belongs to, whether its route has
 * to be written or the group's change alone does it, and what became of either.
 */
import { errnoName } from '../errno.ts';
import { outcomeUnknown } from '../native.ts';
import { sameNexthops } from '../nexthops.ts';
import type { RouteBatch } from '../route-batch.ts';
import { type Decision, type Programmed, protocolOf, type RouteProtocols } from '../route-entry.ts';
import type { Cohort } from './cohort.ts';
import { assignCohorts, type Move } from './cohort-assignment.ts';
import type { Cohorts } from './cohorts.ts';
import { ObjectRequests, type Outcomes } from './object-requests.ts';

/** What became of a decision, its group's part included. */
export interface DecisionOutcome {
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

  /** Gives each action its group, and puts what groups need into the batch: routes come behind. */
  write(decisions: readonly Decision[]): void {
    if (this.#cohorts.form !== undefined) this.#assign(decisions);
    this.#requests.write();
  }

  /** Puts the deletion of what nobody uses any more into the batch. */
  sweep(): void {
    this.#requests.sweep(this.#assigned);
  }

  /** Where in the batch the group's change is that alone brings an action about; undefined when none does. */
  placeOf({ entry, action }: Decision): number | undefined {
    const { programmed, touch } = entry;
    if (!('group' in action) || action.group === 0 || touch || action.kind === 'create') return undefined;
    const sameRoute =
      programmed?.group === action.group && programmed.protocol === protocolOf(action, this.#protocols);
    const cohort = this.#cohorts.get(action.group);
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

  /** @param errno of the request at the decision's place */
  outcomeOf({ action }: Decision, errno: number, words: string | undefined): DecisionOutcome {
    const failure = 'group' in action ? this.#requests.failureOf(action.group) : undefined;
    if (failure === undefined || !('group' in action)) return { errno, words };
    const { group } = action;
    const content = this.#cohorts.get(group)?.content;
    const protocol = protocolOf(action, this.#protocols);
    const left = errno === 0 && content?.length ? { left: { protocol, nexthops: content, group } } : {};
    // An id that another owner has, or a group that vanished: the next pass knows better, and needs no pause.
    const known = !['EEXIST', 'ENOENT'].includes(errnoName(failure.errno));
    return known ? { ...failure, ...left } : { errno: outcomeUnknown, words: undefined, ...left };
  }

  #assign(decisions: readonly Decision[]): void {
    const moves: Move<Decision>[] = [];
    for (const decision of decisions) {
      const { entry, action } = decision;
      if (!('group' in action)) continue;
      const from = this.#cohorts.get(entry.programmed?.group ?? 0);
      if (from?.fit && sameNexthops(from.content, action.nexthops)) this.#join(decision, from);
      else moves.push({ entry: decision, family: entry.family, from, nexthops: action.nexthops });
    }
    for (const [decision, cohort] of assignCohorts(moves, this.#cohorts)) this.#join(decision, cohort);
  }

  #join({ action }: Decision, cohort: Cohort): void {
    if ('group' in action) action.group = cohort.id;
    this.#assigned.add(cohort);
  }
}
