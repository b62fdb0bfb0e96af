/** A watch that begins with all objects, and servers that know none. A real one: test/e2e. */
import test from 'ava';
import { bookmark, event, follow, pod, refuse, send } from '../../support/followed-pods.ts';
import { eventually } from '../../support/lab.ts';

const end = event('BOOKMARK', {
  metadata: { resourceVersion: '50', annotations: { 'k8s.io/initial-events-end': 'true' } },
});
const all = event('ADDED', pod('a')) + event('ADDED', pod('b'));

test('all pods come at the head of a watch, count when they are complete, and changes follow in the same request', async t => {
  const { pods, api, cache, beginnings, lists, watches, ready, warnings } = await follow(t);
  let go = () => {};
  api.begin = response => {
    send(all)(response, new URLSearchParams());
    go = () => void response.write(end + event('MODIFIED', pod('a', false, '51')));
  };
  await pods.start();
  await eventually('the request', () => beginnings.length === 1);
  const [query] = beginnings;
  t.is(query?.get('sendInitialEvents'), 'true');
  t.is(query?.get('resourceVersionMatch'), 'NotOlderThan');
  t.is(query?.get('resourceVersion'), '0');
  t.is(query?.get('allowWatchBookmarks'), 'true');
  t.is(query?.get('fieldSelector'), 'spec.nodeName=node-a');
  t.false(cache.synced);
  go();
  await eventually('the change', () => ready('a') === false);
  t.deepEqual([...cache.snapshot().keys()], ['dns/a', 'dns/b']);
  t.deepEqual([lists.length, watches.length, warnings().length], [0, 0, 0]);
});

test('after a loss all pods come again, at the version seen last, and those that are gone are removed', async t => {
  const { pods, api, cache, beginnings } = await follow(t);
  api.begin = response => {
    const isFirst = beginnings.length === 1;
    response.writeHead(200).write(isFirst ? all + end : event('ADDED', pod('b')) + end);
    if (isFirst) response.end();
  };
  await pods.start();
  await eventually('the removal', () => String([...cache.snapshot().keys()]) === 'dns/b');
  t.is(beginnings[1]?.get('resourceVersion'), '50');
});

test('a regular end is followed by a watch from the last version', async t => {
  const { pods, api, lists, watches, beginnings } = await follow(t, { watchSeconds: 1 });
  api.begin = (response, query) => {
    response.writeHead(200).write(all + end);
    setTimeout(() => response.end(), Number(query.get('timeoutSeconds')) * 1000 + 1000);
  };
  await pods.start();
  await eventually('the next watch', () => watches.length === 1);
  t.is(watches[0]?.get('resourceVersion'), '50');
  t.deepEqual([lists.length, beginnings.length], [0, 1]);
});

for (const [what, status] of [
  ['forbids the question (422)', 422],
  ['takes it for a mistake (400)', 400],
] as const) {
  test(`a server that ${what} is asked once, and gives lists`, async t => {
    const { pods, api, cache, beginnings, lists, warnings } = await follow(t);
    api.begin = refuse(status);
    api.watch = response => void response.writeHead(500).end();
    await pods.start();
    await eventually('lists', () => lists.length >= 3);
    t.true(cache.snapshot().has('dns/a'));
    t.is(beginnings.length, 1);
    t.true(warnings().every(({ event }) => !event.includes(`${status}`)));
  });
}

for (const [what, begin] of Object.entries({
  'never says that it was all': send(all),
  'sends a bookmark like any other': send(all + bookmark('50')),
  'sends a change before it has sent all': send(event('MODIFIED', pod('a'))),
  'ends before it has sent all': response => void response.writeHead(200).end(all),
} satisfies Record<string, ReturnType<typeof send>>)) {
  test(`a server that ${what} gives lists`, async t => {
    const { pods, api, cache, lists, watches } = await follow(t, { answerMs: 300 });
    api.begin = begin;
    await pods.start();
    await eventually('a list and a watch', () => lists.length === 1 && watches.length === 1);
    t.deepEqual([...cache.snapshot().keys()], ['dns/a']);
  });
}

test('a version that the server has not reached (504 in the watch): the list asks for the newest', async t => {
  const { pods, api, lists, beginnings, watches } = await follow(t);
  const tooNew = event('ERROR', { kind: 'Status', code: 504, message: 'Too large resource version: 50' });
  api.begin = response => void response.writeHead(200).end(beginnings.length === 1 ? all + end : tooNew);
  api.list = (response, query) => {
    const isNewest = query.get('resourceVersion') === '';
    if (isNewest) response.end(JSON.stringify({ metadata: { resourceVersion: '7' }, items: [] }));
    else refuse(504)(response, query);
  };
  await pods.start();
  await eventually('a watch', () => watches.length === 1);
  t.is(watches[0]?.get('resourceVersion'), '7');
  t.is(lists.length, 2);
});

test('a loss of the server is no reason to ask for lists', async t => {
  const { pods, api, beginnings, lists, cache } = await follow(t);
  api.begin = response => {
    if (beginnings.length < 3) response.destroy();
    else send(all + end)(response, new URLSearchParams());
  };
  await pods.start();
  await eventually('all', () => cache.synced);
  t.is(lists.length, 0);
});
