/** A clock that a test moves by hand. */
import type { Clock } from '../../lib/base/clock.ts';

export interface HandClock extends Clock {
  /** Moves it on by so many milliseconds, and calls what is due in the order of its time. */
  advance(ms: number): void;
}

export function handClock(): HandClock {
  let now = 0;
  const timers = new Set<{ due: number; callback: () => void }>();
  return {
    now: () => now,
    after(ms, callback) {
      const timer = { due: now + ms, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...timers]
          .filter(({ due }) => due <= end)
          .sort((left, right) => left.due - right.due);
        if (next === undefined) break;
        timers.delete(next);
        now = next.due;
        next.callback();
      }
      now = end;
    },
  };
}
