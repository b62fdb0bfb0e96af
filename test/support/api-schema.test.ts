import test from 'ava';
import { problemsOf, releaseOfSchema } from './api-schema.ts';

const events = '/apis/events.k8s.io/v1/namespaces/dns/events';
const event = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'a', namespace: 'dns' },
  regarding: { apiVersion: 'v1', kind: 'Pod', name: 'a' },
  eventTime: '2026-01-01T00:00:00.000000Z',
};
const status = '/apis/anycast.flock-anycast.io/v1alpha1/nodeconfigs/a/status';

test('a request that is right has no problem, and the schema is of a Kubernetes of today', async t => {
  t.true(Number(releaseOfSchema().split('.')[1]) >= 36, releaseOfSchema());
  t.deepEqual(await problemsOf({ method: 'POST', uri: events, body: event }), []);
  const series = { count: 2, lastObservedTime: event.eventTime };
  t.deepEqual(await problemsOf({ method: 'PATCH', uri: `${events}/a`, body: { series } }), []);
  const watch = '/api/v1/pods?watch=true&sendInitialEvents=true&fieldSelector=spec.nodeName%3Da';
  t.deepEqual(await problemsOf({ method: 'GET', uri: watch }), []);
  const body = { status: { lastError: null, destinations: { advertised: 1 } } };
  t.deepEqual(await problemsOf({ method: 'PATCH', uri: status, body }), []);
});

test('what the schema does not know is named', async t => {
  const problems = async (method: string, uri: string, body?: unknown) =>
    (await problemsOf({ method, uri, body })).join('; ');
  t.is(await problems('GET', '/api/v1/pods?colour=red'), 'GET /api/v1/pods has no parameter colour');
  t.is(await problems('GET', '/api/v2/pods'), 'GET /api/v2/pods is no path');
  const { eventTime, ...timeless } = event;
  t.is(await problems('POST', events, timeless), '.eventTime is missing');
  t.regex(
    await problems('POST', events, { ...event, message: 'x' }),
    /^\.message is no field of EventsV1Event$/,
  );
  t.regex(await problems('POST', events, { ...event, eventTime: '2026-01-01T00:00:00Z' }), /microseconds/);
  t.is(await problems('PATCH', status, { status: { lastError: 5 } }), '.status.lastError is no string');
  t.is(
    await problems('PATCH', status, { status: { peers: [{ name: 'a' }] } }),
    '.status.peers[0].state is missing',
  );
  t.is(await problems('PATCH', status, { status: { lastErrors: 'x' } }), '.status.lastErrors is no field');
});
