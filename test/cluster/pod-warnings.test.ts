import test from 'ava';
import {
  type PodWarning,
  podWarnings,
  type Refused,
  WarningQueue,
  warningLimits,
} from '../../lib/cluster/pod-warnings.ts';

const pods = new Map([['dns/a', { namespace: 'dns', name: 'a', uid: 'u' }]]);
const refused = (over: Partial<Refused> = {}): Refused => ({
  pod: 'dns/a',
  reason: 'OutsidePools',
  message: 'm',
  remedy: 'r',
  ...over,
});

test('one warning a pod and reason, with all its messages and then the remedies, each once', t => {
  const warnings = podWarnings(
    [
      refused({ message: '192.0.2.1 is in no AnycastPool' }),
      refused({ message: '192.0.2.2 is in no AnycastPool' }),
      refused({ reason: 'Reserved', message: '192.0.2.3 is reserved' }),
      refused({ pod: 'dns/gone' }),
    ],
    pods,
  );
  t.deepEqual(
    warnings.map(({ reason, message }) => [reason, message]),
    [
      ['OutsidePools', '192.0.2.1 is in no AnycastPool; 192.0.2.2 is in no AnycastPool; r'],
      ['Reserved', '192.0.2.3 is reserved; r'],
    ],
  );
});

test('a message of any length is cut to what an Event may have', t => {
  const [warning] = podWarnings([refused({ message: 'x'.repeat(5000) })], pods);
  t.is(Buffer.byteLength(warning?.message ?? ''), 1024);
});

test('its limit is in bytes, and no character is cut in two', t => {
  const [warning] = podWarnings([refused({ message: 'ä🐑'.repeat(500) })], pods);
  t.regex(warning?.message ?? '', /^(ä🐑)+ä?…$/u);
  const bytes = Buffer.byteLength(warning?.message ?? '');
  t.true(bytes <= 1024 && bytes > 1018, `${bytes}`);
});

const warning = (over: Partial<PodWarning> = {}): PodWarning => ({
  namespace: 'dns',
  name: 'a',
  uid: 'u',
  reason: 'OutsidePools',
  message: 'm',
  ...over,
});
const { pod, node, againMs } = warningLimits;

test('a warning that stands is sent once, and again after half an hour', t => {
  const queue = new WarningQueue();
  t.is(queue.take([warning()], 0).length, 1);
  for (let now = 1000; now < againMs; now += 1000) t.is(queue.take([warning()], now).length, 0);
  t.is(queue.take([warning()], againMs).length, 1);
  t.is(queue.take([warning()], againMs + 1000).length, 0);
});

test('another message is news, and so is a warning that comes back', t => {
  const queue = new WarningQueue();
  queue.take([warning()], 0);
  t.is(queue.take([warning({ message: 'other' })], 1).length, 1);
  t.is(queue.take([], 2).length, 0);
  t.is(queue.take([warning({ message: 'other' })], 3).length, 1);
});

test('what was not sent after all is due again', t => {
  const queue = new WarningQueue();
  const [first] = queue.take([warning()], 0);
  queue.putBack(first as PodWarning);
  t.is(queue.take([warning()], 1).length, 1);
});

test('a pod whose warnings change all the time is heard so often and no more, with its newest words', t => {
  const queue = new WarningQueue();
  const hour = 3_600_000;
  const sent: PodWarning[] = [];
  for (let now = 0; now < hour; now += 1000) sent.push(...queue.take([warning({ message: `${now}` })], now));
  t.is(sent.length, pod.burst + hour / pod.everyMs - 1);
  t.is(sent.at(-1)?.message, String(hour - pod.everyMs));
});

test('all pods together are heard so often and no more, first come first served, and none is forgotten', t => {
  const queue = new WarningQueue();
  const all = Array.from({ length: 100 }, (_, index) => warning({ uid: `u${index}` }));
  const noisy = (now: number) => warning({ uid: 'u0', message: `${now}` });
  const sent: string[] = [];
  t.is(queue.take(all, 0).length, node.burst);
  for (let now = 500; sent.length < 100 - node.burst; now += 500) {
    const due = queue.take([noisy(now), ...all.slice(1)], now);
    t.true(due.length <= 1);
    sent.push(...due.map(({ uid }) => uid).filter(uid => uid !== 'u0'));
  }
  t.deepEqual(
    sent,
    all.slice(node.burst).map(({ uid }) => uid),
  );
});

test('what no longer stands when its turn comes is not sent', t => {
  const queue = new WarningQueue();
  const all = Array.from({ length: 30 }, (_, index) => warning({ uid: `u${index}` }));
  queue.take(all, 0);
  t.deepEqual(queue.take([], 10_000), []);
});
