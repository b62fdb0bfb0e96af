import test from 'ava';
import { pino } from 'pino';
import { PodLog } from '../../lib/base/pod-log.ts';
import { handClock } from '../support/hand-clock.ts';

function podLog(burst: number) {
  const lines: { pod: string; event: string; unwritten?: number }[] = [];
  const log = pino({ messageKey: 'event', base: null }, { write: line => void lines.push(JSON.parse(line)) });
  const clock = handClock();
  return { clock, lines, pods: new PodLog(log, { clock, rate: { burst, everyMs: 1000 } }) };
}

test('a pod that warns again and again has its share of lines, and another pod has all of its own', t => {
  const { clock, lines, pods } = podLog(3);
  for (let n = 0; n < 10_000; n++) pods.warn('evil/pod', {}, `warning ${n}`);
  pods.warn('good/pod', {}, 'a warning of its own');
  t.deepEqual(
    lines.map(({ pod, event }) => `${pod} ${event}`),
    ['evil/pod warning 0', 'evil/pod warning 1', 'evil/pod warning 2', 'good/pod a warning of its own'],
  );
  clock.advance(1000);
  t.is(lines.length, 5, 'the last one, when there is room again');
  t.like(lines[4], { pod: 'evil/pod', event: 'warning 9999', unwritten: 9996 });
  t.is(pods.unwritten, 9996);
});

test('a pod that was silent for a while has its whole share again', t => {
  const { clock, lines, pods } = podLog(2);
  for (let n = 0; n < 2; n++) pods.warn('ns/pod', {}, 'before');
  clock.advance(5000);
  for (let n = 0; n < 2; n++) pods.info('ns/pod', {}, 'after');
  t.deepEqual(
    lines.map(({ event }) => event),
    ['before', 'before', 'after', 'after'],
  );
});
