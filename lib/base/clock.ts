/** Time, as those who wait are given it: tests move it by hand. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back when `ms` milliseconds have passed by {@link now}, never sooner. Gives a function that cancels. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const due = performance.now() + ms;
    // setTimeout counts whole milliseconds by a clock of its own: one in a hundred comes up to 0.9 ms too soon, and
    // who then asks whether it is time hears no, and has nothing that wakes him again.
    const fire = () => {
      const rest = due - performance.now();
      if (rest > 0) timer = setTimeout(fire, rest);
      else callback();
    };
    let timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
};
