/**
 * One destination in the route table: what is wanted, what the kernel holds, and what follows from the two.
 * Pure; the clock comes in as milliseconds.
 */
import { addressOf, type Destination, type Family } from '../../base/address.ts';
import type { DesiredTarget } from '../../desired/desired-table.ts';
import type { Cohorts } from '../groups/cohorts.ts';
import type { NexthopPacker } from '../plan/nexthop-packer.ts';
import {
  countNexthops,
  emptyNexthops,
  intersectNexthops,
  pickNexthop,
  sameNexthops,
  uniteNexthops,
} from '../socket/nexthops.ts';

/** What the kernel holds for a destination under our protocol numbers. */
export interface Programmed {
  readonly protocol: number;
  /** Packed nexthops in canonical order. */
  readonly nexthops: Uint8Array;
  /** The id of the nexthop group by which it leads there; 0 where it has them by itself. */
  readonly group: number;
}

let lastProgrammed: Programmed = { protocol: 0, nexthops: emptyNexthops, group: 0 };

/** Destinations that are served alike come one behind the other, and share the object. */
export function programmedAs(protocol: number, nexthops: Uint8Array, group: number): Programmed {
  const last = lastProgrammed;
  if (last.protocol === protocol && last.nexthops === nexthops && last.group === group) return last;
  lastProgrammed = { protocol, nexthops, group };
  return lastProgrammed;
}

/** Why the kernel does not hold what is wanted. */
export interface RouteFailure {
  errno: number;
  /** The kernel's words, or the name of the errno. */
  message: string;
  attempts: number;
  /** When the whole of what is wanted is tried again, in milliseconds of the clock. */
  retryAt: number;
  /**
   * `refused`: by the kernel. `conflict`: somebody else's route sits at our key. `contested`: somebody keeps
   * changing ours, and restoring it waits.
   */
  kind: 'refused' | 'conflict' | 'contested';
  /** What the request carried that failed last. */
  tried: Uint8Array;
  /** The search for what works of a refused set; undefined where one nexthop is all there is. */
  search: NexthopSearch | undefined;
}

/**
 * One pod's bad nexthop must take no sibling down. What the kernel already holds of the wanted set is written
 * first, to prove it (a gateway can turn bad in a route that stands); then each of the others beside it.
 */
export interface NexthopSearch {
  stage: 'prove' | 'grow' | 'done';
  /** What was accepted so far. */
  good: Uint8Array;
  /** Which of the wanted nexthops is tried next. */
  next: number;
}

export interface RouteEntry {
  readonly destination: Destination;
  readonly family: Family;
  readonly bytes: Uint8Array;
  desired: DesiredTarget;
  programmed: Programmed | undefined;
  /** On the agenda of a pass. */
  pending: boolean;
  /** Since when the kernel holds it withdrawn, in milliseconds of the clock, as far as we know. */
  heldSince: number | undefined;
  /** When a leaving route is removed, in milliseconds of the clock; undefined while it is not leaving. */
  removeAt: number | undefined;
  failure: RouteFailure | undefined;
  /** How often others' changes were undone lately. */
  drift: { since: number; restorations: number; told: boolean } | undefined;
  /** Right in the kernel, but to be written once more: BIRD was misled about it. */
  touch: boolean;
  /** Vanished without a notification: BIRD has to be told when it does not come back. */
  silentlyLost: boolean;
  /** The last reading of the kernel that found it. */
  readAt: number;
  /** Counts what others did to it, so that an outcome that crossed with it is not believed. */
  revision: number;
  /** The next one in the index whose bytes have the same hash. */
  next: RouteEntry | undefined;
}

/** What a pass asks of the kernel for one destination; the only object that a destination costs in a pass. */
export interface RouteRequest {
  readonly entry: RouteEntry;
  /**
   * `hold` withdraws and forwards on. `disown` puts up an unreachable route that is not announced, to be deleted
   * next: BIRD hears of both.
   */
  readonly kind: 'create' | 'replace' | 'hold' | 'disown' | 'delete';
  /** What it leads through; empty where it leads nowhere. */
  readonly nexthops: Uint8Array;
  /** Whether it carries all that is wanted, rather than a part that is tried. */
  readonly whole: boolean;
  /** The id of the nexthop group to name instead of the nexthops; 0 for none. */
  group: number;
  /** The entry's when it was put into the batch. */
  revision: number;
  /** Its place in the batch, or its group's when that alone brings it about. */
  at: number;
}

function requestTo(
  kind: RouteRequest['kind'],
  entry: RouteEntry,
  nexthops = emptyNexthops,
  whole = false,
): RouteRequest {
  return { entry, kind, nexthops, whole, group: 0, revision: entry.revision, at: 0 };
}

const nothingDesired: DesiredTarget = { nexthops: [] };

export function newEntry(destination: Destination): RouteEntry {
  const { family, bytes } = addressOf(destination);
  return {
    destination,
    family,
    bytes,
    desired: nothingDesired,
    programmed: undefined,
    pending: false,
    heldSince: undefined,
    removeAt: undefined,
    failure: undefined,
    drift: undefined,
    touch: false,
    silentlyLost: false,
    readAt: 0,
    revision: 0,
    next: undefined,
  };
}

/** The two tags of our routes: `advertise` is announced and forwards, `hold` forwards only. */
export interface RouteProtocols {
  advertise: number;
  hold: number;
}

/** The tag of a route that a request writes. */
export function protocolOf({ kind }: RouteRequest, { advertise, hold }: RouteProtocols): number {
  return kind === 'create' || kind === 'replace' ? advertise : hold;
}

/** What decisions are made by. */
export interface DecisionRules {
  packer: NexthopPacker;
  cohorts: Pick<Cohorts, 'form' | 'suits' | 'nexthops'>;
  protocols: RouteProtocols;
  /** How long a withdrawn route still forwards, in milliseconds. */
  settleMs: number;
}

/**
 * @param now the clock, in milliseconds
 * @returns what to do now; undefined when the kernel is right or it is not yet time
 */
export function decide(entry: RouteEntry, rules: DecisionRules, now: number): RouteRequest | undefined {
  const { protocols, settleMs, cohorts } = rules;
  const { programmed, desired, failure } = entry;
  const all = rules.packer.pack(desired.nexthops);
  const trying =
    failure === undefined || now >= failure.retryAt ? undefined : partToTry(entry, failure, all, cohorts);
  const { nexthops, whole, proving } = trying ?? { nexthops: all, whole: true, proving: false };
  const draining = desired.holdUntil !== undefined;
  if (nexthops.length > 0 && !draining) {
    entry.removeAt = undefined;
    if (failure?.kind === 'contested' && now < failure.retryAt) return undefined;
    if (programmed === undefined) return requestTo('create', entry, nexthops, whole);
    const right = holds(programmed, protocols.advertise, nexthops) && cohorts.suits(programmed.group);
    if (!right || proving || entry.touch) return requestTo('replace', entry, nexthops, whole);
  } else if (programmed !== undefined) {
    const kept = nexthops.length > 0 ? nexthops : programmed.nexthops;
    // Adopted as it was: how long it had been held nobody knows.
    if (programmed.protocol === protocols.hold) entry.heldSince ??= now;
    entry.removeAt = removalTime(entry, nexthops.length > 0, now, settleMs);
    if (now >= entry.removeAt) return requestTo('delete', entry);
    if (!holds(programmed, protocols.hold, kept)) return requestTo('hold', entry, kept);
  } else if (entry.silentlyLost) {
    return requestTo('disown', entry);
  }
  if (whole) entry.failure = undefined;
  return undefined;
}

function holds(programmed: Programmed, protocol: number, nexthops: Uint8Array): boolean {
  return programmed.protocol === protocol && sameNexthops(programmed.nexthops, nexthops);
}

/** `heldSince` of what can not be held, or is nothing to hold: it is removed at once. */
export const notHeld = Number.NEGATIVE_INFINITY;

/** At the end of its drain; without one, as soon as its withdrawal has settled. */
function removalTime(entry: RouteEntry, drainable: boolean, now: number, settleMs: number): number {
  if (entry.heldSince === notHeld) return notHeld;
  const settled = (entry.heldSince ?? now) + settleMs;
  const { holdUntil } = entry.desired;
  if (drainable && holdUntil !== undefined) return Math.max(holdUntil, settled);
  return Math.min(entry.removeAt ?? settled, settled);
}

interface Wanted {
  nexthops: Uint8Array;
  whole: boolean;
  /** Written even when it is there. */
  proving: boolean;
}

/** The nexthops to program while the kernel refuses all: what works of them, or what is tried next. */
function partToTry(
  entry: RouteEntry,
  failure: RouteFailure,
  all: Uint8Array,
  cohorts: DecisionRules['cohorts'],
): Wanted {
  if (failure.kind === 'contested') return { nexthops: all, whole: false, proving: false };
  if (cohorts.form !== undefined) {
    const part = withoutRefused(all, cohorts);
    // What was tried in vain just now waits for its time as the whole does.
    const nexthops = sameNexthops(part, failure.tried) ? emptyNexthops : part;
    return { nexthops, whole: false, proving: false };
  }
  const { search } = failure;
  if (search === undefined) return { nexthops: emptyNexthops, whole: false, proving: false };

  if (search.stage === 'prove') {
    const kept = intersectNexthops(entry.programmed?.nexthops ?? emptyNexthops, all);
    if (kept.length > 0) return { nexthops: kept, whole: false, proving: true };
    search.stage = 'grow';
  }
  for (; search.stage === 'grow' && search.next < countNexthops(all); search.next++) {
    const nexthops = uniteNexthops(search.good, pickNexthop(all, search.next));
    if (nexthops.length > search.good.length) return { nexthops, whole: false, proving: true };
  }
  search.stage = 'done';
  return { nexthops: intersectNexthops(search.good, all), whole: false, proving: false };
}

/** The kernel takes nexthop objects one by one: what it refused is left out. Refused for another reason, none is. */
function withoutRefused(all: Uint8Array, { nexthops }: DecisionRules['cohorts']): Uint8Array {
  const accepted = nexthops.accepted(all);
  return accepted.length < all.length ? accepted : emptyNexthops;
}
