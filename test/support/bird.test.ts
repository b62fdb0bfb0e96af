import test from 'ava';
import { startBird } from './bird.ts';
import { Lab } from './lab.ts';

test('BIRD starts in a namespace, answers, and ends', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const host = await lab.namespace('host');
  const bird = await startBird(host, {
    name: 'one',
    config: 'router id 192.0.2.1;\nprotocol device {}\n',
  });
  t.regex(await bird.command('show status'), /Router ID is 192\.0\.2\.1/);
  await bird.stop();
  t.false(bird.running);
});

test('when BIRD refuses its configuration, the error contains the reason', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const host = await lab.namespace('host');
  const error = await t.throwsAsync(startBird(host, { name: 'bad', config: 'nonsense;\n' }));
  t.regex(error?.message ?? '', /syntax error/);
});
