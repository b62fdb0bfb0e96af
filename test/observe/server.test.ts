import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Metrics } from '../../lib/observe/metrics.ts';
import { serveObservations } from '../../lib/observe/server.ts';

async function serve(t: ExecutionContext, { healthy = true, listen = '127.0.0.1:0' } = {}): Promise<string> {
  const metrics = new Metrics();
  metrics.watchDestinations('advertised', () => 7);
  const server = await serveObservations({
    listen,
    registry: metrics.registry,
    status: () => ({ destinations: 7 }),
    healthy: () => healthy,
  });
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('metrics are counted at the moment they are asked for', async t => {
  const answer = await fetch(`${await serve(t)}/metrics`);
  t.regex(await answer.text(), /^flock_anycast_destinations_advertised 7$/m);
});

test('refusals are counted by reason, and a reason that is over is gone', async t => {
  const metrics = new Metrics();
  let refused = [{ reason: 'Reserved' }, { reason: 'OutsidePools' }, { reason: 'Reserved' }];
  metrics.watchRefusals(() => refused);
  const lines = async () =>
    (await metrics.registry.metrics()).match(/^flock_anycast_refusals\{.*$/gm)?.toSorted() ?? [];
  t.deepEqual(await lines(), [
    'flock_anycast_refusals{reason="OutsidePools"} 1',
    'flock_anycast_refusals{reason="Reserved"} 2',
  ]);
  refused = [];
  t.deepEqual(await lines(), []);
});

test('status is JSON', async t => {
  t.deepEqual(await (await fetch(`${await serve(t)}/status`)).json(), { destinations: 7 });
});

test('health is 200 in sync and 503 before', async t => {
  t.is((await fetch(`${await serve(t)}/healthz`)).status, 200);
  t.is((await fetch(`${await serve(t, { healthy: false })}/healthz`)).status, 503);
});

test('at [::] it is reached by IPv4 and IPv6', async t => {
  const url = await serve(t, { listen: '[::]:0' });
  t.is((await fetch(`${url}/healthz`)).status, 200);
  t.is((await fetch(`${url.replace('127.0.0.1', '[::1]')}/healthz`)).status, 200);
});

test('anything else is refused, and says what there is', async t => {
  const url = await serve(t);
  t.is((await fetch(`${url}/metrics`, { method: 'POST' })).status, 405);
  const unknown = await fetch(`${url}/../etc/passwd`);
  t.is(unknown.status, 404);
  t.regex(await unknown.text(), /\/status/);
});
