import test from 'ava';
import { Agenda } from '../../../lib/kernel/state/agenda.ts';
import type { RouteEntry } from '../../../lib/kernel/state/route-entry.ts';
import { entryOf, failureOf, four, six } from '../../support/packed.ts';

const never = Number.POSITIVE_INFINITY;

/** What a pass at `now` looks at, as a pass does: each is looked at, and its times are kept. */
function lookThrough(agenda: Agenda, now: number): RouteEntry[] {
  const due = agenda.take(now);
  for (const entry of due) {
    agenda.look(entry);
    agenda.schedule(entry);
  }
  return due;
}

test('an entry is looked at once, however often it is added', t => {
  const agenda = new Agenda();
  const entry = entryOf(four);
  t.false(agenda.busy);
  agenda.add(entry);
  agenda.add(entry);
  t.true(agenda.busy);
  t.deepEqual(lookThrough(agenda, 0), [entry]);
  t.false(agenda.busy);
  t.deepEqual(lookThrough(agenda, 0), []);
});

test('what is added before it is looked at is for this pass, and after that for the next', t => {
  const agenda = new Agenda();
  const entry = entryOf(four);
  agenda.add(entry);
  agenda.take(0);
  agenda.add(entry);
  t.false(agenda.busy);
  agenda.look(entry);
  agenda.add(entry);
  t.deepEqual(lookThrough(agenda, 0), [entry]);
});

test('an entry with a time is looked at when it has come: its removal or its retry, whichever is first', t => {
  const agenda = new Agenda();
  const removed = entryOf(four, { removeAt: 100 });
  const failed = entryOf(six, { removeAt: 300, failure: failureOf({ retryAt: 200 }) });
  for (const entry of [removed, failed]) agenda.schedule(entry);
  t.is(agenda.nextDeadline, 100);
  t.deepEqual(lookThrough(agenda, 99), []);
  t.deepEqual(lookThrough(agenda, 100), [removed]);
  removed.removeAt = undefined;
  agenda.schedule(removed);
  t.deepEqual(lookThrough(agenda, 199), []);
  t.is(agenda.nextDeadline, 200);
  t.deepEqual([...agenda.timed()], [failed]);
  t.deepEqual(lookThrough(agenda, 250), [failed]);
});

test('what is forgotten has no time any more', t => {
  const agenda = new Agenda();
  const [one, two] = [entryOf(four, { removeAt: 100 }), entryOf(six, { removeAt: 200 })];
  agenda.forget(one);
  t.is(agenda.nextDeadline, never);
  agenda.schedule(one);
  agenda.schedule(two);
  agenda.forget(one);
  t.deepEqual(lookThrough(agenda, 150), []);
  agenda.forget(two);
  t.is(agenda.nextDeadline, never);
  t.deepEqual(lookThrough(agenda, 1000), []);
});

test('a removal that is not allowed yet is asked for again in every pass, and calls for none by itself', t => {
  const agenda = new Agenda();
  const entry = entryOf(four, { removeAt: 100 });
  agenda.schedule(entry);
  for (let pass = 0; pass < 3; pass++) {
    t.deepEqual(agenda.take(100 + pass), [entry]);
    agenda.look(entry);
    agenda.wait(entry);
    t.false(agenda.busy);
    t.is(agenda.nextDeadline, never);
  }
});
