/**
 * Which cohort each destination belongs to when nexthops change. No I/O: changes are entered in the book of cohorts.
 *
 * A cohort is an identity that is changed in place: only in this way do flows of resilient groups stay in their buckets.
 * - All of a cohort want something else: the cohort changes, and takes most of its destinations along.
 * - Some stay (a split): the cohort is theirs, and those that leave join a cohort that has what they want, or
 *   a new one.
 * - Two come to have the same nexthops: they stay two. A merge would save a group, and cost a message for each
 *   route and, with resilient groups, the flows.
 */
import type { Family } from '../../base/address.ts';
import type { Cohort } from './cohort.ts';

/** A destination that wants nexthops that its cohort does not have. */
export interface Move<Entry> {
  entry: Entry;
  family: Family;
  from: Cohort | undefined;
  /** Packed; never empty. */
  nexthops: Uint8Array;
}

/** What assigning does to cohorts. */
export interface CohortBook {
  /** The cohort, of most destinations, that has these nexthops when the pass is done. */
  find(family: Family, nexthops: Uint8Array): Cohort | undefined;
  /** @param parent the cohort that its first destinations leave */
  create(family: Family, nexthops: Uint8Array, parent: Cohort | undefined): Cohort;
  change(cohort: Cohort, nexthops: Uint8Array): void;
}

/** @returns each entry's cohort */
export function assignCohorts<Entry>(moves: readonly Move<Entry>[], book: CohortBook): Map<Entry, Cohort> {
  const assigned = new Map<Entry, Cohort>();
  const parting: Move<Entry>[][] = [];
  for (const [from, leaving] of groupBy(moves, move => move.from)) {
    const parties = [...groupBy(leaving, move => keyOf(move.family, move.nexthops)).values()];
    const largest = parties.reduce((most, party) => (party.length > most.length ? party : most));
    const changes = from?.fit && from.size === leaving.length;
    if (changes) {
      book.change(from, (largest[0] as Move<Entry>).nexthops);
      for (const { entry } of largest) assigned.set(entry, from);
    }
    parting.push(...parties.filter(party => !changes || party !== largest));
  }
  // After every change in place: what they want may be there by then.
  for (const party of parting) {
    const { family, nexthops, from } = party[0] as Move<Entry>;
    const cohort = book.find(family, nexthops) ?? book.create(family, nexthops, from);
    for (const { entry } of party) assigned.set(entry, cohort);
  }
  return assigned;
}

/** Equal sets of nexthops of one family have equal keys. */
export function keyOf(family: Family, { buffer, byteOffset, byteLength }: Uint8Array): string {
  return family + Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

function groupBy<Item, Key>(items: readonly Item[], key: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const of = key(item);
    const group = groups.get(of);
    if (group === undefined) groups.set(of, [item]);
    else group.push(item);
  }
  return groups;
}
