import test from 'ava';
import {
  conflictMessage,
  conflictOf,
  contest,
  nextFailure,
  retryMs,
} from '../../../lib/kernel/state/route-event.ts';
import { advertise, entryOf, failureOf, four, hops } from '../../support/packed.ts';

test('each failure waits twice as long as the one before, and none longer than the longest', t => {
  const entry = entryOf(four);
  const pauses = Array.from({ length: 8 }, () => nextFailure(entry, 113, undefined, 1000).retryAt - 1000);
  t.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 16_000, retryMs.longest, retryMs.longest]);
  t.is(entry.failure?.attempts, 8);
});

test("a failure is in the kernel's words where it has some, and in the C library's otherwise", t => {
  const entry = entryOf(four);
  t.is(
    nextFailure(entry, 113, 'Nexthop has invalid gateway', 0).message,
    'Nexthop has invalid gateway (EHOSTUNREACH)',
  );
  t.is(nextFailure(entry, 113, undefined, 0).message, 'host is unreachable (EHOSTUNREACH)');
});

test('what others keep changing is contested: no refusal, and restored after a pause', t => {
  const programmed = { protocol: advertise, nexthops: hops(1), group: 0 };
  const entry = entryOf(four, { programmed });
  const event = contest(entry, 1000);
  t.like(entry.failure, { kind: 'contested', retryAt: 1000 + retryMs.first });
  t.like(event, { kind: 'contested', destination: four, nexthops: programmed.nexthops });
  t.is(event.message, entry.failure?.message);
  t.deepEqual(contest(entryOf(four), 1000).nexthops, hops(), 'also of what is not there');
});

test('a conflict names the destination, and no nexthops of ours', t => {
  const failure = failureOf({ kind: 'conflict', message: conflictMessage });
  t.deepEqual(conflictOf(entryOf(four), failure), {
    kind: 'conflict',
    destination: four,
    nexthops: hops(),
    message: conflictMessage,
  });
});
