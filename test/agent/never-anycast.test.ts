import test from 'ava';
import { pino } from 'pino';
import { NeverAnycast } from '../../lib/agent/never-anycast.ts';
import { eventually } from '../support/lab.ts';

test('the API server of a kubeconfig that is replaced can not be anycast either', async t => {
  let serverHost = '192.0.2.1';
  const never = new NeverAnycast({ serverHost: () => serverHost, log: pino({ level: 'silent' }) });
  t.teardown(() => never.stop());
  await never.start();
  t.deepEqual([...(never.snapshot()?.apiServer ?? [])], ['192.0.2.1']);
  serverHost = '[2001:db8::1]';
  await eventually('the new server', () => never.snapshot()?.apiServer.has('2001:db8::1'));
});
