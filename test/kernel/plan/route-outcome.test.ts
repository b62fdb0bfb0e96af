import { constants } from 'node:os';
import test from 'ava';
import { type Settlement, settleRequest } from '../../../lib/kernel/plan/route-outcome.ts';
import { type RouteRequest, requestTo } from '../../../lib/kernel/plan/route-request.ts';
import { outcomeUnknown } from '../../../lib/kernel/socket/route-socket.ts';
import { notHeld, type RouteEntry } from '../../../lib/kernel/state/route-entry.ts';
import { conflictMessage, retryMs } from '../../../lib/kernel/state/route-event.ts';
import { advertise, entryOf, failureOf, four, hold, hops, protocols, six } from '../../support/packed.ts';

const now = 1000;
const { errno } = constants;
const announced = { protocol: advertise, nexthops: hops(1), group: 0 };
const held = { protocol: hold, nexthops: hops(1), group: 0 };

interface Case {
  kind: RouteRequest['kind'];
  destination?: string;
  nexthops?: Uint8Array;
  whole?: boolean;
  group?: number;
  entry?: Partial<RouteEntry>;
  /** 0 unless given. */
  outcome?: number;
  words?: string;
  gives: Partial<Omit<Settlement, 'event'>>;
  /** Of the event; undefined for none. */
  tells?: { kind: string; message?: string };
  leaves?: Partial<RouteEntry>;
}

const searching = (next: number) => failureOf({ search: { stage: 'grow', good: hops(), next } });

const cases: Record<string, Case> = {
  'an unknown outcome proves nothing, and the kernel is read': {
    kind: 'replace',
    entry: { programmed: held },
    outcome: outcomeUnknown,
    gives: { programmed: held, inDoubt: true },
    leaves: { programmed: held },
  },
  'what was created whole is announced, and nothing is left to do': {
    kind: 'create',
    whole: true,
    entry: { rewrite: true, silentlyLost: true, failure: failureOf(), heldSince: 3 },
    gives: { programmed: announced, inDoubt: false, done: true },
    tells: { kind: 'advertise' },
    leaves: { rewrite: false, silentlyLost: false, failure: undefined, heldSince: undefined },
  },
  'what was replaced through a group is believed to lead through it': {
    kind: 'replace',
    whole: true,
    group: 7,
    gives: { programmed: { ...announced, group: 7 }, done: true },
    tells: { kind: 'advertise' },
  },
  'a part that was accepted goes on with the search': {
    kind: 'replace',
    entry: { failure: searching(0) },
    gives: { programmed: announced, done: false },
    tells: { kind: 'advertise' },
    leaves: { failure: failureOf({ search: { stage: 'grow', good: hops(1), next: 1 } }) },
  },
  'what was withdrawn is held since now, and looked at again': {
    kind: 'hold',
    entry: { programmed: announced, failure: searching(0) },
    gives: { programmed: held, inDoubt: false, done: false },
    tells: { kind: 'hold' },
    leaves: { heldSince: now, failure: searching(0) },
  },
  'what was held before is held since then': {
    kind: 'hold',
    entry: { programmed: held, heldSince: 3 },
    gives: { programmed: held },
    tells: { kind: 'hold' },
    leaves: { heldSince: 3 },
  },
  'what was deleted is gone': {
    kind: 'delete',
    entry: { programmed: held, heldSince: 3, removeAt: 9, failure: failureOf() },
    gives: { programmed: undefined, inDoubt: false, done: true },
    tells: { kind: 'remove' },
    leaves: { heldSince: undefined, removeAt: undefined, failure: undefined },
  },
  'what was deleted and is wanted again is looked at again': {
    kind: 'delete',
    entry: { programmed: held, desired: { nexthops: [{ interface: 'p1', via: '10.1.1.2', weight: 1 }] } },
    gives: { programmed: undefined, done: false },
    tells: { kind: 'remove' },
  },
  'deleting what is not there any more is success': {
    kind: 'delete',
    entry: { programmed: held },
    outcome: errno.ESRCH,
    gives: { programmed: undefined, done: true },
    tells: { kind: 'remove' },
  },
  'deleting what went with its interface is success': {
    kind: 'delete',
    outcome: errno.ENODEV,
    gives: { programmed: undefined, done: true },
    tells: { kind: 'remove' },
  },
  'a deletion forgets no conflict': {
    kind: 'delete',
    entry: { failure: failureOf({ kind: 'conflict' }) },
    gives: { programmed: undefined },
    tells: { kind: 'remove' },
    leaves: { failure: failureOf({ kind: 'conflict' }) },
  },
  'a deletion that is refused is tried again later, and said': {
    kind: 'delete',
    entry: { programmed: held },
    outcome: errno.EBUSY,
    words: 'in use',
    gives: { programmed: held, inDoubt: true },
    tells: { kind: 'fail', message: 'can not remove the route: in use (EBUSY); trying again' },
    leaves: { removeAt: now + retryMs.first },
  },
  'a tombstone is ours, held, and removed at once': {
    kind: 'putTombstone',
    nexthops: hops(),
    entry: { silentlyLost: true },
    gives: { programmed: { protocol: hold, nexthops: hops(), group: 0 }, inDoubt: false },
    tells: { kind: 'disown' },
    leaves: { silentlyLost: false, heldSince: notHeld },
  },
  'a tombstone that can not be put is not tried again': {
    kind: 'putTombstone',
    nexthops: hops(),
    entry: { silentlyLost: true },
    outcome: errno.EEXIST,
    gives: { programmed: undefined, inDoubt: false },
    leaves: { silentlyLost: false, heldSince: undefined },
  },
  'what vanished before it was replaced is created next, without a failure': {
    kind: 'replace',
    entry: { programmed: announced },
    outcome: errno.ENOENT,
    gives: { programmed: undefined, inDoubt: false },
    leaves: { failure: undefined },
  },
  'what can not be held is removed instead': {
    kind: 'hold',
    entry: { programmed: announced },
    outcome: errno.ENETDOWN,
    gives: { programmed: announced, inDoubt: true },
    leaves: { heldSince: notHeld, failure: undefined },
  },
  'a part that is refused goes on with the search, and is no failure of its own': {
    kind: 'replace',
    entry: { programmed: announced, failure: searching(0) },
    outcome: errno.EHOSTUNREACH,
    gives: { programmed: announced, inDoubt: false },
    leaves: { failure: searching(1) },
  },
  'a part that IPv6 refuses may have left a part, so the kernel is read': {
    kind: 'replace',
    destination: six,
    entry: { failure: searching(0) },
    outcome: errno.EHOSTUNREACH,
    gives: { inDoubt: true },
  },
  'a single nexthop that is refused is a failure in the words of the kernel': {
    kind: 'create',
    whole: true,
    outcome: errno.ENETUNREACH,
    words: 'Nexthop has invalid gateway',
    gives: { programmed: undefined, inDoubt: false },
    tells: { kind: 'fail', message: 'Nexthop has invalid gateway (ENETUNREACH)' },
    leaves: {
      failure: failureOf({
        errno: errno.ENETUNREACH,
        message: 'Nexthop has invalid gateway (ENETUNREACH)',
        retryAt: now + retryMs.first,
        tried: hops(1),
      }),
    },
  },
  'the same failure again is told once, and waits longer': {
    kind: 'create',
    whole: true,
    entry: { failure: failureOf({ message: 'in use (EBUSY)' }) },
    outcome: errno.EBUSY,
    words: 'in use',
    gives: { inDoubt: false },
    leaves: {
      failure: failureOf({
        errno: errno.EBUSY,
        message: 'in use (EBUSY)',
        attempts: 2,
        retryAt: now + 2 * retryMs.first,
        tried: hops(1),
      }),
    },
  },
  'several nexthops that are refused together begin a search': {
    kind: 'create',
    whole: true,
    nexthops: hops(1, 2),
    outcome: errno.EHOSTUNREACH,
    words: 'no way',
    gives: { inDoubt: false },
    tells: { kind: 'fail', message: 'no way (EHOSTUNREACH)' },
    leaves: {
      failure: failureOf({
        message: 'no way (EHOSTUNREACH)',
        retryAt: now + retryMs.first,
        tried: hops(1, 2),
        search: { stage: 'prove', good: hops(), next: 0 },
      }),
    },
  },
  'a group that is refused begins none: its nexthops were tried one by one': {
    kind: 'create',
    whole: true,
    group: 7,
    nexthops: hops(1, 2),
    outcome: errno.EHOSTUNREACH,
    words: 'no way',
    gives: { inDoubt: false },
    tells: { kind: 'fail', message: 'no way (EHOSTUNREACH)' },
    leaves: {
      failure: failureOf({
        message: 'no way (EHOSTUNREACH)',
        retryAt: now + retryMs.first,
        tried: hops(1, 2),
      }),
    },
  },
  "another owner's route is a conflict that the next reading is to confirm": {
    kind: 'create',
    whole: true,
    outcome: errno.EEXIST,
    gives: { inDoubt: true },
    leaves: {
      failure: failureOf({
        errno: errno.EEXIST,
        kind: 'conflict',
        message: conflictMessage,
        retryAt: now + retryMs.first,
        tried: hops(1),
      }),
    },
  },
  'a conflict that is known needs no reading': {
    kind: 'create',
    whole: true,
    entry: { failure: failureOf({ kind: 'conflict', message: conflictMessage }) },
    outcome: errno.EEXIST,
    gives: { inDoubt: false },
  },
};

for (const [title, { kind, gives, tells, leaves = {}, ...given }] of Object.entries(cases)) {
  test(title, t => {
    const {
      destination = four,
      nexthops = hops(1),
      whole = false,
      group = 0,
      entry: fields,
      outcome = 0,
    } = given;
    const entry = entryOf(destination, fields);
    const request = { ...requestTo(kind, entry, nexthops, whole), group };
    const settlement = settleRequest(request, outcome, given.words, protocols, now);
    for (const [field, value] of Object.entries(gives))
      t.deepEqual(settlement[field as keyof Settlement], value, field);
    const { event } = settlement;
    t.deepEqual(
      event && { kind: event.kind, ...(event.message && { message: event.message }) },
      tells as never,
    );
    if (event !== undefined) t.is(event.destination, destination);
    for (const [field, value] of Object.entries(leaves))
      t.deepEqual(entry[field as keyof RouteEntry], value, field);
  });
}
