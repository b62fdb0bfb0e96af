import test from 'ava';
import fc from 'fast-check';
import { type Pod, podKey } from '../../../lib/sources/pods/pod.ts';
import { PodCache } from '../../../lib/sources/pods/pod-cache.ts';

function pod(change: Partial<Pod> = {}): Pod {
  return {
    namespace: 'dns',
    name: 'resolver-0',
    uid: 'one',
    nodeName: 'node-a',
    ready: true,
    terminating: false,
    containersTerminated: false,
    hostNetwork: false,
    serviceAccount: 'default',
    podIPs: ['10.1.0.7'],
    annotations: { 'a/b': 'c' },
    ...change,
  };
}

function listenTo(cache: PodCache): string[][] {
  const told: string[][] = [];
  cache.onChange(keys => told.push([...keys]));
  return told;
}

test('nothing is synced before the first full list, which is told even when it is empty', t => {
  const cache = new PodCache();
  const told = listenTo(cache);
  t.false(cache.synced);
  cache.replace([]);
  t.true(cache.synced);
  cache.replace([]);
  t.deepEqual(told, [[]]);
});

test('a single pod before the first list does not make the cache synced', t => {
  const cache = new PodCache();
  cache.upsert(pod());
  t.false(cache.synced);
});

for (const [field, change] of Object.entries({
  uid: { uid: 'two' },
  staticUid: { staticUid: 'hash' },
  nodeName: { nodeName: 'node-b' },
  ready: { ready: false },
  notOwnWord: { notOwnWord: true },
  terminating: { terminating: true },
  containersTerminated: { containersTerminated: true },
  hostNetwork: { hostNetwork: true },
  serviceAccount: { serviceAccount: 'other' },
  'an address': { podIPs: ['10.1.0.8'] },
  'one more address': { podIPs: ['10.1.0.7', 'fd00::7'] },
  'an annotation': { annotations: { 'a/b': 'd' } },
  'an annotation less': { annotations: {} },
  'another annotation': { annotations: { 'a/c': 'c' } },
} satisfies Record<string, Partial<Pod>>)) {
  test(`a change of ${field} is told once`, t => {
    const cache = new PodCache();
    cache.replace([pod()]);
    const told = listenTo(cache);
    cache.upsert(pod(change));
    cache.upsert(pod(change));
    cache.replace([pod(change)]);
    t.deepEqual(told, [['dns/resolver-0']]);
    t.deepEqual(cache.snapshot().get('dns/resolver-0'), pod(change));
  });
}

test('a full list removes what is absent and tells all its changes at once', t => {
  const cache = new PodCache();
  cache.replace([pod({ name: 'gone' }), pod({ name: 'same' }), pod({ name: 'other' })]);
  const told = listenTo(cache);
  cache.replace([pod({ name: 'same' }), pod({ name: 'other', ready: false }), pod({ name: 'new' })]);
  t.deepEqual(
    told.map(keys => keys.sort()),
    [['dns/gone', 'dns/new', 'dns/other']],
  );
  t.deepEqual([...cache.snapshot().keys()].sort(), ['dns/new', 'dns/other', 'dns/same']);
});

test('an update takes over the named pods alone, and tells its changes at once', t => {
  const cache = new PodCache();
  const told = listenTo(cache);
  cache.update([], new Map());
  t.true(cache.synced);
  cache.replace([
    pod({ name: 'gone' }),
    pod({ name: 'same' }),
    pod({ name: 'other' }),
    pod({ name: 'apart' }),
  ]);
  const pods = new Map(
    [pod({ name: 'same' }), pod({ name: 'other', ready: false }), pod({ name: 'new' })].map(it => [
      podKey(it.namespace, it.name),
      it,
    ]),
  );
  cache.update(['dns/gone', 'dns/same', 'dns/other', 'dns/new', 'dns/unknown'], pods);
  cache.update(['dns/gone', 'dns/same', 'dns/other', 'dns/new', 'dns/unknown'], pods);
  t.deepEqual(
    told.map(keys => keys.sort()),
    [[], ['dns/apart', 'dns/gone', 'dns/other', 'dns/same'], ['dns/gone', 'dns/new', 'dns/other']],
  );
  t.deepEqual([...cache.snapshot().keys()].sort(), ['dns/apart', 'dns/new', 'dns/other', 'dns/same']);
});

test('removing what is not there is no change', t => {
  const cache = new PodCache();
  const told = listenTo(cache);
  cache.remove('dns/resolver-0');
  t.deepEqual(told, []);
});

test('a listener hears nothing after it was taken off, and sees the change in force when it hears', t => {
  const cache = new PodCache();
  const seen: (boolean | undefined)[] = [];
  const off = cache.onChange(([...keys]) => seen.push(cache.snapshot().get(keys[0] ?? '')?.ready));
  cache.upsert(pod({ ready: false }));
  off();
  cache.upsert(pod({ ready: true }));
  t.deepEqual(seen, [false]);
});

test('a follower who copies only the keys told has the same pods, whatever happens', t => {
  const somePod = fc
    .record({ name: fc.constantFrom('a', 'b', 'c'), uid: fc.constantFrom('1', '2'), ready: fc.boolean() })
    .map(change => pod(change));
  const step = fc.oneof(
    somePod.map(it => (cache: PodCache) => cache.upsert(it)),
    fc.array(somePod).map(list => (cache: PodCache) => cache.replace(list)),
    somePod.map(it => (cache: PodCache) => cache.remove(podKey(it.namespace, it.name))),
    fc
      .array(somePod)
      .map(list => new Map(list.map(it => [podKey(it.namespace, it.name), it])))
      .map(pods => (cache: PodCache) => cache.update(['dns/a', 'dns/b'], pods)),
  );
  fc.assert(
    fc.property(fc.array(step), steps => {
      const cache = new PodCache();
      const followed = new Map<string, Pod>();
      cache.onChange(keys => {
        for (const key of keys) {
          const now = cache.snapshot().get(key);
          if (now === undefined) followed.delete(key);
          else followed.set(key, now);
        }
      });
      for (const act of steps) act(cache);
      t.deepEqual(followed, new Map(cache.snapshot()));
    }),
  );
});
