import test from 'ava';
import { AnycastReconciler } from '../../lib/agent/reconciler.ts';
import type { Clock } from '../../lib/base/clock.ts';
import { TimeSlice } from '../../lib/base/time-slice.ts';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import type { AllocationView, PodView } from '../../lib/desired/views.ts';
import { RouteTable } from '../../lib/kernel/route-table.ts';
import { LinkTable } from '../../lib/kernel/socket/link-table.ts';
import { HandSource } from '../support/hand-source.ts';

/** A clock that the test advances. */
class HandClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }
}

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve));
};

/** @param given divides the work of a large update; default: a time slice that never ends */
function reconciler(given?: TimeSlice) {
  const pods = new HandSource<PodView>();
  const allocations = new HandSource<AllocationView>();
  const clock = new HandClock();
  const slice = given ?? new TimeSlice(() => clock.now());
  const links = new LinkTable();
  const table = new RouteTable({
    table: 254,
    metric: 16,
    protocols: { advertise: 70, hold: 71 },
    settleMs: 50,
    links,
  });
  void table.beliefs.adopt(table.beliefs.beginReading(), 0, slice);
  const log: string[] = [];
  const planned: number[] = [];
  let running = 0;
  let finish: () => void = () => {};
  let failure: Error | undefined;
  const subject = new AnycastReconciler({
    pods,
    allocations,
    desired: new DesiredTable({ terminatingMs: 5000, longestMs: 60_000, notReadyMs: 0 }),
    table,
    clock,
    slice,
    tickMs: 2000,
    reporter: {
      passed: () => log.push('passed'),
      passFailed: error => log.push(`failed: ${(error as Error).message}`),
      warned: ({ message }) => log.push(message),
    },
    programmer: {
      nextDeadline: Number.POSITIVE_INFINITY,
      onChange: () => () => {},
      async read() {},
      async pass() {
        running++;
        log.push(running === 1 ? 'pass' : 'TWO PASSES AT ONCE');
        if (failure === undefined) await new Promise<void>(resolve => (finish = resolve));
        running--;
        if (failure !== undefined) throw failure;
        planned.push((await table.planner.plan(clock.now(), slice)).requests.length);
        return { events: [], requests: [], drift: 0, absent: [], deletions: undefined, shadows: undefined };
      },
    },
  });
  return {
    pods,
    allocations,
    clock,
    log,
    planned,
    links,
    subject,
    finish: () => finish(),
    fail: (error: Error | undefined) => {
      failure = error;
    },
  };
}

test('triggers during a pass become one next pass', async t => {
  const { subject, pods, log, finish } = reconciler();
  const stop = new AbortController();
  const done = subject.run(stop.signal);
  await turns();
  for (let trigger = 0; trigger < 100; trigger++) pods.change('ns/a');
  await turns();
  t.deepEqual(log, ['pass']);
  finish();
  await turns();
  t.deepEqual(log, ['pass', 'passed', 'pass']);
  finish();
  await turns();
  t.deepEqual(log, ['pass', 'passed', 'pass', 'passed']);
  stop.abort();
  await done;
});

test('without a trigger there is one pass per tick', async t => {
  const { subject, clock, log, finish } = reconciler();
  const stop = new AbortController();
  const done = subject.run(stop.signal);
  await turns();
  finish();
  await turns();
  clock.pass(1999);
  await turns();
  t.is(log.length, 2);
  clock.pass(1);
  await turns();
  t.deepEqual(log, ['pass', 'passed', 'pass']);
  stop.abort();
  finish();
  await done;
});

test('after a failed pass, which is reported, triggers are ignored until the next tick', async t => {
  const { subject, clock, log, finish, fail } = reconciler();
  const stop = new AbortController();
  fail(new Error('the socket is gone'));
  const done = subject.run(stop.signal);
  await turns();
  for (let trigger = 0; trigger < 10; trigger++) {
    subject.trigger();
    await turns();
  }
  t.deepEqual(log, ['pass', 'failed: the socket is gone']);
  fail(undefined);
  clock.pass(2000);
  await turns();
  finish();
  await turns();
  t.deepEqual(log.slice(2), ['pass', 'passed']);
  stop.abort();
  await done;
});

test('there is no pass before every source has been read once', async t => {
  const { subject, allocations, log, finish } = reconciler();
  allocations.synced = false;
  const stop = new AbortController();
  const done = subject.run(stop.signal);
  await turns();
  t.deepEqual(log, []);
  allocations.synced = true;
  allocations.change();
  await turns();
  t.deepEqual(log, ['pass']);
  stop.abort();
  finish();
  await done;
});

test('an invalid allocation is reported once', async t => {
  const { subject, allocations, pods, log, finish } = reconciler();
  pods.values.set('ns/a', { uid: 'u', ready: true, terminating: false });
  allocations.values.set('ns/a', {
    uid: 'u',
    hostInterface: 'veth1',
    anycast: ['nonsense'],
    addresses: [],
    state: 'committed',
  });
  for (let pass = 0; pass < 2; pass++) {
    const done = subject.reconcile();
    await turns();
    finish();
    await done;
    pods.change('ns/a');
  }
  t.is(log.filter(line => line.includes('nonsense')).length, 1);
});

/** Many pods with one destination each, and a slice that calls `meanwhile` whenever it yields. */
function manyPods(meanwhile: (turn: number) => void = () => {}) {
  const count = 1000;
  let clock = 0;
  let yields = 0;
  const slice = new TimeSlice(
    () => clock++,
    async () => meanwhile(yields++),
  );
  const parts = reconciler(slice);
  const { pods, allocations, links } = parts;
  links.replace([{ name: 'veth1', index: 1, flags: 1 }]);
  const pod = { uid: 'u', ready: true, terminating: false };
  const add = (n: number) => {
    pods.values.set(`ns/${n}`, pod);
    allocations.values.set(`ns/${n}`, {
      uid: 'u',
      hostInterface: 'veth1',
      ipv4: '10.0.0.1',
      anycast: [`198.51.${n >> 8}.${n & 255}`],
      addresses: [],
      state: 'committed',
    });
  };
  for (let n = 0; n < count; n++) add(n);
  return { ...parts, count, add, yields: () => yields };
}

test('a large update yields, and the kernel is written when all of it is done', async t => {
  const { subject, count, planned, yields, log, finish } = manyPods(() => log.push('turn'));
  const done = subject.reconcile();
  await turns(200);
  t.deepEqual([log.at(-1), log.filter(line => line === 'pass').length], ['pass', 1]);
  t.true(yields() > 1, `${yields()} yields`);
  finish();
  await done;
  t.deepEqual(planned, [count]);
});

test('a stop during a large update writes nothing to the kernel, and the next pass does all of it', async t => {
  let stopped = 0;
  for (let where = 0; where < 8; where++) {
    const stop = new AbortController();
    const { subject, pods, allocations, count, add, planned, log, finish } = manyPods(
      turn => turn === where && stop.abort(),
    );
    allocations.values.clear();
    const pass = async (signal?: AbortSignal) => {
      const done = subject.reconcile(signal);
      await turns(200);
      finish();
      await done;
    };
    await pass();
    for (let n = 0; n < count; n++) add(n);
    pods.change(...pods.values.keys());
    log.length = 0;
    await pass(stop.signal);
    if (stop.signal.aborted && !log.includes('pass')) {
      stopped++;
      await pass();
    }
    t.deepEqual(planned, [0, count]);
  }
  t.true(stopped > 4, `stopped ${stopped} times`);
});

test('a pod that changes during a large update is updated by the next pass alone', async t => {
  const { subject, count, planned, log, finish, add, pods } = manyPods(turn => {
    if (turn > 2) return;
    add(count + turn);
    pods.change(`ns/${count + turn}`);
  });
  const stop = new AbortController();
  const done = subject.run(stop.signal);
  await turns(200);
  t.deepEqual(log, ['pass']);
  finish();
  await turns(200);
  t.deepEqual(log, ['pass', 'passed', 'pass']);
  finish();
  await turns();
  t.deepEqual(planned, [count, 3]);
  stop.abort();
  await done;
});
