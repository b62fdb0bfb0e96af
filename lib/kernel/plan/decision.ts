/**
 * What follows from what is wanted and what the kernel holds: one decision a destination. No I/O: the times and the
 * failure of the entry are changed, and nothing else.
 */
import type { Cohorts } from '../groups/cohorts.ts';
import { sameNexthops } from '../socket/nexthops.ts';
import { notHeld, type Programmed, type RouteEntry, type RouteProtocols } from '../state/route-entry.ts';
import type { NexthopPacker } from './nexthop-packer.ts';
import { partToTry } from './nexthop-search.ts';
import { type RouteRequest, requestTo } from './route-request.ts';

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
    const right = matches(programmed, protocols.advertise, nexthops) && cohorts.suits(programmed.group);
    if (!right || proving || entry.rewrite) return requestTo('replace', entry, nexthops, whole);
  } else if (programmed !== undefined) {
    const kept = nexthops.length > 0 ? nexthops : programmed.nexthops;
    // Adopted from an earlier run: it is not known how long it has been held.
    if (programmed.protocol === protocols.hold) entry.heldSince ??= now;
    entry.removeAt = removalTime(entry, nexthops.length > 0, now, settleMs);
    if (now >= entry.removeAt) return requestTo('delete', entry);
    if (!matches(programmed, protocols.hold, kept)) return requestTo('hold', entry, kept);
  } else if (entry.silentlyLost) {
    return requestTo('putTombstone', entry);
  }
  if (whole) entry.failure = undefined;
  return undefined;
}

export function matches(programmed: Programmed, protocol: number, nexthops: Uint8Array): boolean {
  return programmed.protocol === protocol && sameNexthops(programmed.nexthops, nexthops);
}

/** At the end of its drain; without one, as soon as its withdrawal has settled. */
export function removalTime(entry: RouteEntry, drainable: boolean, now: number, settleMs: number): number {
  if (entry.heldSince === notHeld) return notHeld;
  const settled = (entry.heldSince ?? now) + settleMs;
  const { holdUntil } = entry.desired;
  if (drainable && holdUntil !== undefined) return Math.max(holdUntil, settled);
  return Math.min(entry.removeAt ?? settled, settled);
}
