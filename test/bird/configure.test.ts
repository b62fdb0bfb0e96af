import test from 'ava';
import { type Clock, systemClock } from '../../lib/base/clock.ts';
import { configure } from '../../lib/bird/configure.ts';
import { type Reply, replyCode } from '../../lib/bird/reply.ts';

/** Answers with these codes in turn, and with the last one for ever; `each` is called before every answer. */
function answering(codes: number[], each: () => void = () => {}) {
  const commands: string[] = [];
  const command = (line: string): Promise<Reply> => {
    each();
    const code = codes[Math.min(commands.push(line), codes.length) - 1] as number;
    return Promise.resolve({ lines: [{ code, text: 'Reconfiguration' }] });
  };
  return { command, commands };
}

const { inProgress, queued, reconfigured } = replyCode;

test.serial('the wall clock may be set while BIRD is being waited for', async t => {
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  const bird = answering([inProgress, reconfigured, inProgress, queued, reconfigured], () => {
    const before = Date.now;
    Date.now = () => before() + 86_400_000;
  });
  await configure(bird, undefined, systemClock);
  const status = 'configure status';
  t.deepEqual(bird.commands, [status, status, 'configure', status, status]);
});

test('after thirty seconds a reconfiguration has failed', async t => {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    after(ms, callback) {
      now += ms;
      queueMicrotask(callback);
      return () => {};
    },
  };
  await t.throwsAsync(configure(answering([inProgress]), undefined, clock), {
    code: 'FLOCK_BIRD_UNREACHABLE',
  });
  t.true(now > 30_000 && now < 31_000, `${now}`);
});
