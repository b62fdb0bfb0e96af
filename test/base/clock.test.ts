import test from 'ava';
import { systemClock } from '../../lib/base/clock.ts';

test('nobody is woken before the time, by the clock that he then looks at', async t => {
  const early: number[] = [];
  const wait = (ms: number) =>
    new Promise<void>(resolve => {
      const due = systemClock.now() + ms;
      systemClock.after(ms, () => {
        if (systemClock.now() < due) early.push(ms);
        resolve();
      });
    });
  // Of a fraction setTimeout takes the whole milliseconds only.
  await Promise.all(Array.from({ length: 200 }, (_, i) => wait(1 + (i % 20) + 0.9)));
  t.deepEqual(early, []);
});

test('who has cancelled is not woken, also not after a first alarm that came too soon', async t => {
  let woken = 0;
  const cancels = Array.from({ length: 50 }, () => systemClock.after(2.9, () => woken++));
  await new Promise(resolve => setTimeout(resolve, 2));
  for (const cancel of cancels) cancel();
  const before = woken;
  await new Promise(resolve => setTimeout(resolve, 10));
  t.is(woken, before);
});
