import test from 'ava';
import { Cohorts } from '../../../lib/kernel/groups/cohorts.ts';
import { decide } from '../../../lib/kernel/plan/decision.ts';
import { NexthopPacker } from '../../../lib/kernel/plan/nexthop-packer.ts';
import { notHeld, type RouteEntry } from '../../../lib/kernel/state/route-entry.ts';
import {
  advertise,
  entryOf,
  failureOf,
  four,
  hold,
  hops,
  linksOf,
  protocols,
  wanted,
} from '../../support/packed.ts';

const now = 1000;
const settleMs = 50;
const never = Number.POSITIVE_INFINITY;
const rules = {
  packer: new NexthopPacker(linksOf(1, 2, 3)),
  cohorts: new Cohorts(undefined, advertise),
  protocols,
  settleMs,
};
const announced = (...indexes: number[]) => ({ protocol: advertise, nexthops: hops(...indexes), group: 0 });
const held = (...indexes: number[]) => ({ protocol: hold, nexthops: hops(...indexes), group: 0 });
const serving = (...indexes: number[]) => ({ nexthops: wanted(...indexes) });
const draining = (holdUntil: number, ...indexes: number[]) => ({ nexthops: wanted(...indexes), holdUntil });
const nothing = { nexthops: [] };
const contested = (retryAt: number) => failureOf({ kind: 'contested', retryAt });

interface Case {
  entry: Partial<RouteEntry>;
  /** Kind, nexthops and whether they are all that is wanted; undefined for no request. */
  asks?: [kind: string, nexthops: Uint8Array, whole: boolean];
  /** Fields of the entry afterwards. */
  leaves?: Partial<RouteEntry>;
}

const cases: Record<string, Case> = {
  'what is wanted and not there is created': {
    entry: { desired: serving(1, 2) },
    asks: ['create', hops(1, 2), true],
  },
  'what is there as wanted is left alone, and no failure is kept': {
    entry: { desired: serving(1), programmed: announced(1), failure: failureOf({ retryAt: now }) },
    leaves: { failure: undefined },
  },
  'other nexthops are a replace': {
    entry: { desired: serving(1, 2), programmed: announced(1) },
    asks: ['replace', hops(1, 2), true],
  },
  'what is held and wanted again is replaced, and not removed': {
    entry: { desired: serving(1), programmed: held(1), removeAt: now - 1, heldSince: 0 },
    asks: ['replace', hops(1), true],
    leaves: { removeAt: undefined },
  },
  'what leads through a group where none is configured is replaced': {
    entry: { desired: serving(1), programmed: { ...announced(1), group: 9 } },
    asks: ['replace', hops(1), true],
  },
  'what is right and to be rewritten is replaced by itself': {
    entry: { desired: serving(1), programmed: announced(1), rewrite: true },
    asks: ['replace', hops(1), true],
  },
  'a nexthop whose interface is missing is left out': {
    entry: { desired: serving(1, 9) },
    asks: ['create', hops(1), true],
  },
  'what is contested is not restored before its time': {
    entry: { desired: serving(1), failure: contested(now + 1) },
    leaves: { failure: contested(now + 1) },
  },
  'what is contested is restored whole when its time has come': {
    entry: { desired: serving(1), failure: contested(now) },
    asks: ['create', hops(1), true],
  },
  'what is refused is not tried again before its time when nothing of it may work': {
    entry: { desired: serving(1), failure: failureOf({ retryAt: now + 1 }) },
    leaves: { failure: failureOf({ retryAt: now + 1 }) },
  },
  'what is refused is tried whole again when its time has come': {
    entry: { desired: serving(1, 2), programmed: announced(1), failure: failureOf({ retryAt: now }) },
    asks: ['replace', hops(1, 2), true],
  },
  'a part that may work is tried while the whole is refused, even where it is there already': {
    entry: {
      desired: serving(1, 2),
      programmed: announced(1),
      failure: failureOf({ retryAt: now + 1, search: { stage: 'prove', good: hops(), next: 0 } }),
    },
    asks: ['replace', hops(1), false],
  },
  'a part that works stays, and so does the failure of the whole': {
    entry: {
      desired: serving(1, 2),
      programmed: announced(1),
      failure: failureOf({ retryAt: now + 1, search: { stage: 'done', good: hops(1), next: 2 } }),
    },
    leaves: { failure: failureOf({ retryAt: now + 1, search: { stage: 'done', good: hops(1), next: 2 } }) },
  },
  'what nobody wants is withdrawn first, and removed when that has settled': {
    entry: { desired: nothing, programmed: announced(1) },
    asks: ['hold', hops(1), false],
    leaves: { removeAt: now + settleMs },
  },
  'what drains is withdrawn with the nexthops that it drains to, until the end of its drain': {
    entry: { desired: draining(now + 5000, 2), programmed: announced(1, 2) },
    asks: ['hold', hops(2), false],
    leaves: { removeAt: now + 5000 },
  },
  'what drains and is held as it should be is left alone': {
    entry: { desired: draining(now + 5000, 1), programmed: held(1), heldSince: now - 10 },
    leaves: { removeAt: now + 5000, heldSince: now - 10 },
  },
  'a drain that is shorter than a withdrawal takes to settle ends when that has': {
    entry: { desired: draining(now - 1, 1), programmed: held(1), heldSince: now - 10 },
    leaves: { removeAt: now - 10 + settleMs },
  },
  'a drain that is over ends in a removal': {
    entry: { desired: draining(now, 1), programmed: held(1), heldSince: now - settleMs },
    asks: ['delete', hops(), false],
  },
  'a drain without an end is held on': {
    entry: { desired: draining(never, 1), programmed: held(1), heldSince: 0 },
    leaves: { removeAt: never },
  },
  'a drain whose last interface went is removed as soon as it has settled': {
    entry: { desired: draining(now + 5000, 9), programmed: held(1), heldSince: now - settleMs },
    asks: ['delete', hops(), false],
  },
  'what was found held counts from now': {
    entry: { desired: nothing, programmed: held(1) },
    leaves: { heldSince: now, removeAt: now + settleMs },
  },
  'a removal that is due earlier is not put off': {
    entry: { desired: nothing, programmed: held(1), heldSince: now - 10, removeAt: now + 5 },
    leaves: { removeAt: now + 5 },
  },
  'what can not be held is removed, announced or not': {
    entry: { desired: nothing, programmed: announced(1), heldSince: notHeld },
    asks: ['delete', hops(), false],
  },
  'what was lost silently and is not wanted is announced as gone by a tombstone': {
    entry: { desired: nothing, silentlyLost: true },
    asks: ['putTombstone', hops(), false],
  },
  'what is neither wanted nor there is left alone': {
    entry: { desired: nothing, failure: failureOf({ retryAt: now }) },
    leaves: { failure: undefined },
  },
};

for (const [title, { entry: fields, asks, leaves = {} }] of Object.entries(cases)) {
  test(title, t => {
    const entry = entryOf(four, fields);
    const request = decide(entry, rules, now);
    t.deepEqual(request && [request.kind, request.nexthops, request.whole], asks);
    for (const [field, value] of Object.entries(leaves))
      t.deepEqual(entry[field as keyof RouteEntry], value, field);
  });
}
