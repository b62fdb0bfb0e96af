import test from 'ava';
import { RepeatedFailure } from '../../lib/base/repeated-failure.ts';

test('a failure is reported when it begins, when it becomes another one, and after a success', t => {
  const failure = new RepeatedFailure();
  t.true(failure.isNew('refused'));
  t.false(failure.isNew('refused'));
  t.true(failure.isNew('silent'));
  t.true(failure.isNew('refused'));
  failure.end();
  t.true(failure.isNew('refused'));
});

test('a failure that stands is reported again after the time given, and not before', t => {
  let now = 0;
  const failure = new RepeatedFailure(1000, () => now);
  t.true(failure.isNew('refused'));
  now = 999;
  t.false(failure.isNew('refused'));
  now = 1000;
  t.true(failure.isNew('refused'));
  now = 1999;
  t.false(failure.isNew('refused'));
});
