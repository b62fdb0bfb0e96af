/** What has been started is stopped in reverse order, also when one of them fails. */
import test from 'ava';
import { Stops } from '../../lib/base/stops.ts';

test('the last is stopped first, each after the one before has ended, and once', async t => {
  const order: string[] = [];
  const stops = new Stops();
  stops.add(() => order.push('first'));
  stops.add(async () => {
    await new Promise(resolve => setImmediate(resolve));
    order.push('second');
  });
  stops.add(() => order.push('third'));
  await stops.run();
  await stops.run();
  t.deepEqual(order, ['third', 'second', 'first']);
});

test('one that fails keeps no other from being stopped, and the first failure is thrown', async t => {
  const order: string[] = [];
  const stops = new Stops();
  stops.add(() => order.push('first'));
  stops.add(() => {
    throw new Error('of the second');
  });
  stops.add(() => Promise.reject(new Error('of the third')));
  await t.throwsAsync(stops.run(), { message: 'of the third' });
  t.deepEqual(order, ['first']);
});
