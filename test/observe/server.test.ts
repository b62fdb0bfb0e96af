import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Metrics } from '../../lib/observe/metrics.ts';
import { type ObserveOptions, serveObservations } from '../../lib/observe/server.ts';
import { eventually } from '../support/lab.ts';

async function serve(
  t: ExecutionContext,
  {
    healthy = true,
    listen = '127.0.0.1:0',
    ...more
  }: Partial<Omit<ObserveOptions, 'healthy'> & { healthy: boolean }> = {},
): Promise<string> {
  const metrics = new Metrics();
  metrics.watchDestinations('advertised', 'advertised', () => 7);
  const server = await serveObservations({
    listen,
    registry: metrics.registry,
    status: () => ({ destinations: 7 }),
    healthy: () => healthy,
    ...more,
  });
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
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

test('a query changes nothing, and HEAD is answered without a body', async t => {
  const url = await serve(t);
  t.is((await fetch(`${url}/healthz?x=1`)).status, 200);
  t.regex(await (await fetch(`${url}/metrics?x=1`)).text(), /^flock_anycast/m);
  const whole = await fetch(`${url}/status`);
  const head = await fetch(`${url}/status`, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers.get('content-length'), `${(await whole.text()).length}`);
  t.is(await head.text(), '');
  t.is((await fetch(`${url}/status`, { method: 'POST' })).headers.get('allow'), 'GET, HEAD');
});

test('an error while it answers is the answer, and the next request is served', async t => {
  const status = () => {
    throw new Error('no status today');
  };
  const url = await serve(t, { status });
  const answer = await fetch(`${url}/status`);
  t.deepEqual([answer.status, await answer.text()], [500, 'no status today\n']);
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

/** The status of an answer to a request with this Host header. */
function askAs(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/healthz`, { headers: { host }, agent: false }, answer => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.once('error', reject).end();
  });
}

test('by an address, localhost or a configured name it is answered; a name of somebody else is not', async t => {
  const url = await serve(t, { hosts: ['Node-1.example'] });
  const allowed =
    '127.0.0.1 10.0.0.1:9470 [::1] [fd00::1]:9470 localhost LOCALHOST:1 node-1.example node-1.example.:9470';
  for (const host of allowed.split(' ')) t.is(await askAs(url, host), 200, host);
  const others =
    'evil.example node-1.example.evil.example 127.0.0.1.evil.example localhost.evil:9470 [evil] @';
  for (const host of others.split(' ')) t.is(await askAs(url, host), 421, host);
});

async function open(t: ExecutionContext, url: string, text: string): Promise<Socket> {
  const client = connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => client.destroy());
  client.on('error', () => undefined);
  client.resume();
  await new Promise(resolve => client.once('connect', resolve));
  client.write(text);
  return client;
}

test('half requests are closed within seconds, and as many as there are leave room for others', async t => {
  const url = await serve(t);
  const clients = await Promise.all(
    Array.from({ length: 300 }, () => open(t, url, 'GET /metrics HTTP/1.1\r\nhost: 1.2.3.4\r\n')),
  );
  const isOpen = ({ closed, destroyed }: Socket) => !closed && !destroyed;
  await eventually('at most 100 to be open', () => clients.filter(isOpen).length <= 100);
  await eventually('none to be open', () => !clients.some(isOpen));
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

test('a header that is too large is refused', async t => {
  const url = await serve(t);
  const answer = await fetch(`${url}/healthz`, { headers: { 'x-large': 'x'.repeat(10_000) } });
  t.is(answer.status, 431);
});

test('a port that is taken is named, with its address', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await new Promise(resolve => other.once('listening', resolve));
  const listen = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const error = await t.throwsAsync(serve(t, { listen }), { code: 'FLOCK_LISTEN_FAILED' });
  t.true(error?.message.includes(listen));
});
