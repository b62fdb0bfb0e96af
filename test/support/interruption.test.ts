import test from 'ava';
import { causeOf, Interrupted } from './interruption.ts';

test('when a program of the run has ended, and a signal comes with that, the signal is the cause', async t => {
  const stop = new AbortController();
  const failure = new Error('the server in web-1a ended by itself (SIGHUP)');
  const cause = causeOf(failure, stop.signal);
  const interrupted = new Interrupted('SIGHUP');
  setImmediate(() => stop.abort(interrupted));
  t.is(await cause, interrupted);
});

test('without a signal the failure is its own cause', async t => {
  const failure = new Error('a step failed');
  t.is(await causeOf(failure, new AbortController().signal), failure);
});
