import test from 'ava';
import { countTests } from './suites.ts';

const tap = 'TAP version 13\nok 1 - a\nnot ok 2 - b\n  ---\nok 3 - c # SKIP\n';

test('test lines are counted while a suite runs, and its end with them when it is not as it should be', t => {
  const counted = { passed: 1, failed: 1, skipped: 1 };
  t.deepEqual(countTests(tap), counted);
  t.deepEqual(countTests(`${tap}1..3\n`, 1), counted);
  t.is(countTests(`${tap}1..3\n`, 124).failed, 1, 'why it failed is told by its tests');
  t.is(countTests(tap, 124).failed, 2, 'the plan at the end is missing');
  t.is(countTests('TAP version 13\nok 1 - a\n1..1\n', 1).failed, 1);
});

test('a program that prints no test lines is one test, by its exit code', t => {
  t.deepEqual(countTests('200 of 200 steps', 0), { passed: 1, failed: 0, skipped: 0 });
  t.deepEqual(countTests('', 125), { passed: 0, failed: 1, skipped: 0 });
});
