/** Events on pods, against an API that a test writes. On the real server: test/e2e. */
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { KubernetesEvents } from '../../lib/cluster/kubernetes-events.ts';
import type { PodWarning } from '../../lib/cluster/pod-warnings.ts';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { problemsOf } from '../support/api-schema.ts';
import { serveFakeApi } from '../support/fake-api.ts';
import { eventually } from '../support/lab.ts';

interface Write {
  method: string | undefined;
  path: string | undefined;
  body: { metadata?: { name: string }; note?: string; series?: { count: number } };
}

const warning: PodWarning = { namespace: 'dns', name: 'a', uid: 'u', reason: 'Reserved', message: 'one' };

async function follow(
  t: ExecutionContext,
  answer: (write: Write, index: number) => { status: number; body?: object },
) {
  const writes: Write[] = [];
  const kubeconfig = await serveFakeApi(t, async (request, response) => {
    const write = { method: request.method, path: request.url, body: JSON.parse(await text(request)) };
    const { status, body = { message: `no: ${status}` } } = answer(write, writes.length);
    writes.push(write);
    response.writeHead(status).end(JSON.stringify(body));
  });
  const lines: string[] = [];
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line).event) };
  const standing = { now: [warning] as PodWarning[] };
  let looks = 0;
  const read = () => {
    looks++;
    return standing.now;
  };
  const log = pino({ messageKey: 'event' }, sink);
  const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
  const events = new KubernetesEvents({ client, nodeName: 'node-a', read, log, everyMs: 5 });
  events.start();
  t.teardown(() => {
    events.stop();
    client.close();
  });
  const looked = async (times: number) => {
    const from = looks;
    await eventually('more looks', () => looks >= from + times);
  };
  const written = (count: number) => eventually(`${count} writes`, () => writes.length >= count && writes);
  return { writes, lines, standing, looked, written };
}

test('an Event is made once, another message is another Event, and what is said again is counted', async t => {
  let expired = false;
  const { standing, written, looked, writes, lines } = await follow(t, ({ method, body }) => {
    if (method === 'PATCH' && expired) return { status: 404 };
    return { status: 200, body };
  });
  const [made] = await written(1);
  t.is(made?.path, '/apis/events.k8s.io/v1/namespaces/dns/events');
  t.like(made?.body, {
    type: 'Warning',
    reason: 'Reserved',
    note: 'one',
    regarding: { kind: 'Pod', namespace: 'dns', name: 'a', uid: 'u' },
    reportingController: 'flock-anycast',
    reportingInstance: 'node-a',
  });
  await looked(5);
  t.is(writes.length, 1);
  const say = (message: string) => {
    standing.now = [{ ...warning, message }];
  };
  say('two');
  await written(2);
  t.like(writes[1], { method: 'POST', body: { note: 'two' } });
  say('one');
  await written(3);
  t.is(writes[2]?.path, `/apis/events.k8s.io/v1/namespaces/dns/events/${made?.body.metadata?.name}`);
  t.deepEqual(Object.keys(writes[2]?.body ?? {}), ['series']);
  t.is(writes[2]?.body.series?.count, 2);
  expired = true;
  say('two');
  await written(5);
  t.deepEqual(
    writes.map(({ method }) => method),
    ['POST', 'POST', 'PATCH', 'PATCH', 'POST'],
  );
  t.like(writes[4]?.body, { note: 'two', series: undefined });
  t.deepEqual(lines, []);
});

test('an Event from before a restart is counted on', async t => {
  const series = { count: 7, lastObservedTime: '2026-01-01T00:00:00.000000Z' };
  const { written, writes } = await follow(t, ({ method, body }) =>
    method === 'POST' ? { status: 409 } : { status: 200, body: { series, ...body } },
  );
  await written(3);
  t.deepEqual(writes[1]?.body, {});
  t.is(writes[2]?.body.series?.count, 8);
});

test("each write is one that today's schema takes", async t => {
  const { standing, written } = await follow(t, ({ body }) => ({ status: 200, body }));
  await written(1);
  standing.now = [{ ...warning, message: 'two' }];
  await written(2);
  standing.now = [warning];
  for (const { method = '', path: uri = '', body } of await written(3)) {
    t.deepEqual(await problemsOf({ method, uri, body }), []);
  }
});

test('refused by the server: one line, and no other try, whatever else is refused the same way', async t => {
  const { standing, written, looked, writes, lines } = await follow(t, () => ({ status: 403 }));
  await written(1);
  standing.now = [warning, { ...warning, uid: 'v', namespace: 'other' }];
  await written(2);
  await looked(5);
  t.is(writes.length, 2);
  t.deepEqual(lines, ['kubernetes: can not write an Event on a pod: the API server answers 403: no: 403']);
});

test('a server in trouble is tried again, and told of once', async t => {
  const { written, looked, writes, lines } = await follow(t, ({ body }, index) =>
    index < 3 ? { status: 500 } : { status: 200, body },
  );
  await written(4);
  await looked(3);
  t.is(writes.length, 4);
  t.is(lines.length, 1);
});

test('the name of an Event is one, for the longest name of a pod too', async t => {
  const { standing, written } = await follow(t, ({ body }) => ({ status: 200, body }));
  await written(1);
  standing.now = [{ ...warning, uid: 'v', name: `${'a'.repeat(235)}-${'b'.repeat(17)}` }];
  const [, long] = await written(2);
  const name = long?.body.metadata?.name ?? '';
  t.true(name.length <= 253);
  t.regex(name, /^[a-z0-9]+\.[0-9a-f]{16}$/);
});
