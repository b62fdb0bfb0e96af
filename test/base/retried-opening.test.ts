import test from 'ava';
import type { Clock } from '../../lib/base/clock.ts';
import { FlockError } from '../../lib/base/errors.ts';
import { createLog } from '../../lib/base/log.ts';
import { RetriedOpening } from '../../lib/base/retried-opening.ts';
import { eventually } from '../support/lab.ts';

/** A clock whose timers the test ends. */
class HandClock implements Clock {
  readonly pauses: number[] = [];
  #due: (() => void) | undefined;
  now = () => 0;
  after(ms: number, callback: () => void): () => void {
    this.pauses.push(ms);
    this.#due = callback;
    return () => {
      this.#due = undefined;
    };
  }
  get waits(): boolean {
    return this.#due !== undefined;
  }
  end(): void {
    const due = this.#due;
    this.#due = undefined;
    due?.();
  }
}

function opening(failures: string[], isIntact: () => boolean = () => true) {
  const clock = new HandClock();
  const lines: string[] = [];
  const log = createLog('silent');
  log.warn = ((...said: unknown[]) => lines.push(String(said.at(-1)))) as unknown as typeof log.warn;
  log.info = ((message: string) => lines.push(message)) as unknown as typeof log.info;
  let closed = 0;
  const open = async () => {
    const message = failures.shift();
    if (message !== undefined) throw new FlockError('FLOCK_LISTEN_FAILED', message);
    return () => closed++;
  };
  const retried = new RetriedOpening({
    open,
    opened: 'open',
    guard: { isIntact: async () => isIntact(), lost: 'lost' },
    clock,
    log,
  });
  return { retried, clock, lines, closed: () => closed };
}

test('it is tried again after 1, 2, 4 … 30 seconds; a failure that repeats is said once, success once', async t => {
  const { retried, clock, lines, closed } = opening([...Array(7).fill('taken'), 'no address']);
  retried.start();
  for (let failure = 0; failure < 8; failure++) {
    await eventually('the pause', () => clock.waits);
    t.false(retried.isOpen);
    t.is(retried.problem?.code, 'FLOCK_LISTEN_FAILED');
    clock.end();
  }
  await eventually('it to be open', () => retried.isOpen);
  t.deepEqual(clock.pauses.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  t.deepEqual(lines, ['taken; it is tried again', 'no address; it is tried again', 'open']);
  t.is(retried.problem, undefined);
  await retried.stop();
  t.is(closed(), 1);
});

test('when it is stopped, it is not tried again', async t => {
  const { retried, clock } = opening(['taken']);
  retried.start();
  await eventually('the pause', () => clock.waits);
  await retried.stop();
  t.false(clock.waits);
  t.false(retried.isOpen);
});

test('what opens at once says nothing', async t => {
  const { retried, lines } = opening([]);
  retried.start();
  await eventually('it to be open', () => retried.isOpen);
  t.deepEqual(lines, []);
});

test('what somebody removes later is opened again', async t => {
  let isThere = true;
  const { retried, clock, lines, closed } = opening([], () => isThere);
  retried.start();
  await eventually('the next look', () => clock.waits);
  t.deepEqual(clock.pauses, [30_000]);
  clock.end();
  await eventually('the next look', () => clock.waits);
  t.deepEqual(lines, []);
  isThere = false;
  clock.end();
  await eventually('the next look', () => clock.waits);
  t.deepEqual(lines, ['lost']);
  t.is(closed(), 1);
  t.true(retried.isOpen);
  await retried.stop();
  t.false(clock.waits);
});
