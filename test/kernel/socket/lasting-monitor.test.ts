import test from 'ava';
import type { Clock } from '../../../lib/base/clock.ts';
import type { KernelChanges, NativeError } from '../../../lib/kernel/socket/kernel-changes.ts';
import { openLastingMonitor } from '../../../lib/kernel/socket/lasting-monitor.ts';

const failure = (code: string) => Object.assign(new Error(code), { code }) as NativeError;
const lost: KernelChanges = {
  routes: new Uint8Array(),
  links: [],
  addresses: [],
  nexthopObjects: new Uint8Array(),
  overrun: true,
};

/** A clock moved by hand, and monitors that fail on demand; `refusals` are thrown by the next openings. */
function bench() {
  let now = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  const clock: Clock = {
    now: () => now,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const opened: ((changes: KernelChanges) => void)[] = [];
  const refusals: string[] = [];
  const heard: (string | undefined)[] = [];
  let stops = 0;
  const monitor = () =>
    openLastingMonitor(
      callback => {
        const code = refusals.shift();
        if (code !== undefined) throw failure(code);
        opened.push(callback);
        return { stop: () => stops++ };
      },
      ({ overrun, error }) => heard.push(error?.code ?? (overrun ? 'lost' : 'news')),
      clock,
    );
  return {
    monitor,
    opened,
    refusals,
    heard,
    timers,
    stops: () => stops,
    fail: () => opened.at(-1)?.({ ...lost, error: failure('ENOTSOCK') }),
    pass(ms: number) {
      now += ms;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.callback();
      }
    },
  };
}

test('one that fails is followed by another before its listener reads everything again', t => {
  const { monitor, opened, heard, fail, pass } = bench();
  monitor();
  pass(5000);
  fail();
  t.is(opened.length, 2);
  t.deepEqual(heard, ['ENOTSOCK']);
  opened[1]?.({ ...lost, overrun: false });
  t.deepEqual(heard, ['ENOTSOCK', 'news']);
});

test('sockets that fail at once are opened once a second, and the listener reads again after each', t => {
  const { monitor, opened, heard, fail, pass } = bench();
  monitor();
  for (let second = 0; second < 3; second++) {
    fail();
    pass(999);
    t.is(opened.length, second + 1);
    pass(1);
    t.is(opened.length, second + 2);
  }
  t.deepEqual(heard, ['ENOTSOCK', 'lost', 'ENOTSOCK', 'lost', 'ENOTSOCK', 'lost']);
});

test('where none can be opened, it is tried until one can', t => {
  const { monitor, opened, heard, refusals, fail, pass } = bench();
  monitor();
  pass(5000);
  refusals.push('EMFILE', 'ENOMEM');
  fail();
  pass(1000);
  t.is(opened.length, 1);
  pass(1000);
  t.is(opened.length, 2);
  t.deepEqual(heard, ['ENOTSOCK', 'lost']);
});

test('stopping ends it, also while another one is waited for, and so does the end of the route socket', t => {
  const stopped = bench();
  const monitor = stopped.monitor();
  stopped.fail();
  monitor.stop();
  stopped.pass(5000);
  t.is(stopped.opened.length, 1);
  t.is(stopped.stops(), 1);
  const closed = bench();
  closed.monitor();
  closed.pass(5000);
  closed.refusals.push('ERR_CLOSED');
  closed.fail();
  t.is(closed.timers.size, 0);
});

test('what the first opening throws is thrown', t => {
  const { monitor, refusals } = bench();
  refusals.push('EMFILE');
  t.throws(monitor, { code: 'EMFILE' });
});
