import test from 'ava';
import type { Answer } from '../../scripts/demo/load.ts';
import { median, Report } from '../../scripts/demo/report.ts';
import { tally } from '../../scripts/demo/requests.ts';

const answer = (outcome: { pod: string } | { error: string }): Answer => ({
  address: '192.0.2.53',
  at: 0,
  sourcePort: 10_000,
  tookMs: 1,
  ...outcome,
});

test('a tally counts answers by pod and failures by cause, in the order of their names', t => {
  const asked = [{ pod: 'b' }, { error: 'ECONNRESET' }, { pod: 'a' }, { pod: 'b' }].map(answer);
  t.deepEqual(tally(asked), { answers: { a: 1, b: 2 }, failures: { ECONNRESET: 1 } });
});

test('a median of an even number is the mean of the middle two, of none nothing', t => {
  t.is(median([9, 1, 5]), 5);
  t.is(median([4, 1, 2, 9]), 3);
  t.is(median([]), null);
});

test('steps that are not reached are recorded as failed', async t => {
  const report = new Report(['first', 'second', 'third'], () => undefined);
  await report.step('first', async () => ({ requests: 3 }));
  await t.throwsAsync(
    report.step('second', async () => {
      throw new Error('expected one, saw two');
    }),
  );
  const { ok, steps } = report.record([]);
  t.false(ok);
  t.like(steps, [
    { name: 'first', ok: true, requests: 3 },
    { name: 'second', ok: false, error: 'expected one, saw two' },
    { name: 'third', ok: false, error: 'not reached' },
  ]);
});
