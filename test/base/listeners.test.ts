import test from 'ava';
import { Listeners } from '../../lib/base/listeners.ts';

test('each listener is called with what changed, in the order of subscription, until it unsubscribes', t => {
  const listeners = new Listeners<[key: string]>();
  const calls: string[] = [];
  const unsubscribe = listeners.add(key => calls.push(`first ${key}`));
  listeners.add(key => calls.push(`second ${key}`));
  listeners.notify('a');
  unsubscribe();
  unsubscribe();
  listeners.notify('b');
  listeners.clear();
  listeners.notify('c');
  t.deepEqual(calls, ['first a', 'second a', 'second b']);
});

test('a function that subscribes twice is called twice, and each subscription ends alone', t => {
  const listeners = new Listeners();
  let calls = 0;
  const listener = () => calls++;
  const unsubscribe = listeners.add(listener);
  listeners.add(listener);
  listeners.notify();
  t.is(calls, 2);
  unsubscribe();
  listeners.notify();
  t.is(calls, 3);
});

test('a listener that is unsubscribed during a call, before its turn, is not called', t => {
  const listeners = new Listeners();
  const calls: string[] = [];
  listeners.add(() => {
    calls.push('first');
    unsubscribeFirst();
    unsubscribeSecond();
  });
  const unsubscribeFirst = listeners.add(() => calls.push('unsubscribed'));
  const unsubscribeSecond = listeners.add(() => calls.push('unsubscribed'));
  listeners.add(() => calls.push('last'));
  listeners.notify();
  t.deepEqual(calls, ['first', 'last']);
});

test('a listener that unsubscribes itself during a call does not keep the next one from its call', t => {
  const listeners = new Listeners();
  const calls: string[] = [];
  const unsubscribe = listeners.add(() => {
    unsubscribe();
    calls.push('once');
  });
  listeners.add(() => calls.push('always'));
  listeners.notify();
  listeners.notify();
  t.deepEqual(calls, ['once', 'always', 'always']);
});

test('a listener that subscribes during a call is called from the next one on', t => {
  const listeners = new Listeners();
  const calls: string[] = [];
  const unsubscribe = listeners.add(() => listeners.add(() => calls.push('new')));
  listeners.notify();
  t.deepEqual(calls, []);
  unsubscribe();
  listeners.notify();
  t.deepEqual(calls, ['new']);
});

test('when a listener throws the others are called, and then its error is thrown', t => {
  const listeners = new Listeners();
  let calls = 0;
  const failure = new Error('failed');
  const unsubscribe = listeners.add(() => {
    throw failure;
  });
  listeners.add(() => calls++);
  t.is(
    t.throws(() => listeners.notify()),
    failure,
  );
  t.is(calls, 1);
  unsubscribe();
  t.notThrows(() => listeners.notify());
});

test('when several listeners throw the error has all of theirs', t => {
  const listeners = new Listeners();
  const failures = [new Error('first'), new Error('second')];
  for (const failure of failures) {
    listeners.add(() => {
      throw failure;
    });
  }
  const error = t.throws(() => listeners.notify(), { instanceOf: AggregateError });
  t.deepEqual(error?.errors, failures);
});
