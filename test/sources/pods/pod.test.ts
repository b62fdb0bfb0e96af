import test from 'ava';
import fc from 'fast-check';
import type { FlockError } from '../../../lib/base/errors.ts';
import { podFromManifest, podKey } from '../../../lib/sources/pods/pod.ts';

/** A running pod as `kubectl get pod -o json` shows it, with some of what is not read. */
function manifest(change: (pod: Manifest) => void = () => undefined): Manifest {
  const pod = structuredClone(running);
  change(pod);
  return pod;
}

// biome-ignore lint/suspicious/noExplicitAny: a manifest is what a test makes of it
type Manifest = any;

const running: Manifest = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace: 'dns',
    name: 'resolver-0',
    uid: 'a4d0f6a2-2b8e-4c8c-9a51-1d7f0a0d6c11',
    annotations: { 'flock-anycast.io/addresses': '192.0.2.53', 'kubernetes.io/config.source': 'api' },
    managedFields: [{ manager: 'kubelet' }],
  },
  spec: { nodeName: 'node-a', containers: [{ name: 'resolver' }], volumes: [] },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'Initialized', status: 'True' },
      { type: 'Ready', status: 'True', lastProbeTime: null },
    ],
    podIP: '10.1.0.7',
    podIPs: [{ ip: '10.1.0.7' }, { ip: '2001:DB8:0::7' }],
    containerStatuses: [{ name: 'resolver', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }],
  },
};

test('a running pod is trimmed to what decides about routes', t => {
  t.deepEqual(podFromManifest(manifest(), 'test', ['flock-anycast.io/']), {
    namespace: 'dns',
    name: 'resolver-0',
    uid: 'a4d0f6a2-2b8e-4c8c-9a51-1d7f0a0d6c11',
    nodeName: 'node-a',
    ready: true,
    terminating: false,
    containersTerminated: false,
    hostNetwork: false,
    serviceAccount: 'default',
    podIPs: ['10.1.0.7', '2001:db8::7'],
    annotations: { 'flock-anycast.io/addresses': '192.0.2.53' },
  });
  t.is(podKey('dns', 'resolver-0'), 'dns/resolver-0');
});

for (const [what, conditions, gates, expected] of [
  ['the node controller', { Ready: 'False', ContainersReady: 'True' }, [], true],
  ['it, with a gate that holds', { Ready: 'False', ContainersReady: 'True', g: 'True' }, ['g'], true],
  [
    'the kubelet, for a gate that fails',
    { Ready: 'False', ContainersReady: 'True', g: 'False' },
    ['g'],
    undefined,
  ],
  ['the kubelet, for a gate nobody has set', { Ready: 'False', ContainersReady: 'True' }, ['g'], undefined],
  ['the kubelet, for a container', { Ready: 'False', ContainersReady: 'False' }, [], undefined],
  ['somebody who writes Ready alone', { Ready: 'False' }, [], undefined],
  ['nobody: it is Ready', { Ready: 'True', ContainersReady: 'True' }, [], undefined],
  ['nobody: it is new', { ContainersReady: 'True' }, [], undefined],
] as const) {
  test(`whose word Ready is, that of ${what}`, t => {
    const pod = manifest(it => {
      it.status.conditions = Object.entries(conditions).map(([type, status]) => ({ type, status }));
      it.spec.readinessGates = gates.map(conditionType => ({ conditionType }));
    });
    t.is(podFromManifest(pod, 'test').notOwnWord, expected);
  });
}

test('a pod just created is neither ready nor anything else', t => {
  const pod = podFromManifest({ metadata: { name: 'new', uid: 'u' } }, 'test');
  t.deepEqual(pod, {
    namespace: 'default',
    name: 'new',
    uid: 'u',
    ready: false,
    terminating: false,
    containersTerminated: false,
    hostNetwork: false,
    serviceAccount: 'default',
    podIPs: [],
    annotations: {},
  });
});

for (const status of ['False', 'Unknown', 'true', '']) {
  test(`Ready ${JSON.stringify(status)} is not ready`, t => {
    const object = manifest(pod => {
      pod.status.conditions[1].status = status;
    });
    t.false(podFromManifest(object, 'test').ready);
  });
}

test('a deleted pod is terminating while its Ready stands', t => {
  const object = manifest(pod => {
    pod.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  });
  const { ready, terminating } = podFromManifest(object, 'test');
  t.deepEqual({ ready, terminating }, { ready: true, terminating: true });
});

const ended = { state: { terminated: { exitCode: 0 } } };
const alive = { state: { running: {} } };
for (const [what, status, expected] of [
  ['the only container ended', { containerStatuses: [ended] }, true],
  ['a container still runs', { containerStatuses: [ended, alive] }, false],
  ['a container waits for its restart', { containerStatuses: [{ state: { waiting: {} } }] }, false],
  ['nothing is known of containers', { containerStatuses: [] }, false],
  ['a sidecar still runs', { containerStatuses: [ended], initContainerStatuses: [alive] }, false],
  ['init containers ended too', { containerStatuses: [ended], initContainerStatuses: [ended] }, true],
  ['the phase is Succeeded', { phase: 'Succeeded', containerStatuses: [alive] }, true],
  ['the phase is Failed', { phase: 'Failed' }, true],
] as const) {
  test(`when ${what}, containersTerminated is ${expected}`, t => {
    const object = manifest(pod => {
      pod.status = status;
    });
    t.is(podFromManifest(object, 'test').containersTerminated, expected);
  });
}

test('a container without a status yet counts as one that may run', t => {
  const object = manifest(pod => {
    pod.spec.containers = [{}, {}];
    pod.status.containerStatuses = [ended];
  });
  t.false(podFromManifest(object, 'test').containersTerminated);
});

test('podIP stands in where podIPs is missing, and an empty one for none', t => {
  const of = (status: unknown) =>
    podFromManifest(
      manifest(pod => Object.assign(pod, { status })),
      'test',
    ).podIPs;
  t.deepEqual(of({ podIP: '10.1.0.7' }), ['10.1.0.7']);
  t.deepEqual(of({ podIP: '' }), []);
  t.deepEqual(of({ podIP: '10.1.0.7', podIPs: [] }), ['10.1.0.7']);
});

for (const [field, value, change] of [
  ['metadata', undefined, (pod: Manifest) => delete pod.metadata],
  ['metadata.name', undefined, (pod: Manifest) => delete pod.metadata.name],
  ['metadata.name', '../etc', (pod: Manifest) => Object.assign(pod.metadata, { name: '../etc' })],
  ['metadata.namespace', 'a/b', (pod: Manifest) => Object.assign(pod.metadata, { namespace: 'a/b' })],
  ['metadata.uid', 7, (pod: Manifest) => Object.assign(pod.metadata, { uid: 7 })],
  ['kind', 'List', (pod: Manifest) => Object.assign(pod, { kind: 'List' })],
  ['status.conditions', 'Ready', (pod: Manifest) => Object.assign(pod.status, { conditions: 'Ready' })],
  [
    'status.podIPs.0.ip',
    '10.1.0',
    (pod: Manifest) => Object.assign(pod.status, { podIPs: [{ ip: '10.1.0' }] }),
  ],
  ['spec.hostNetwork', 'yes', (pod: Manifest) => Object.assign(pod.spec, { hostNetwork: 'yes' })],
] as const) {
  test(`${field} ${JSON.stringify(value) ?? 'missing'} is refused by name`, t => {
    const error = t.throws(() => podFromManifest(manifest(change), 'pods/x.json'), {
      code: 'FLOCK_POD_INVALID',
    }) as FlockError;
    t.regex(error.message, new RegExp(`^pods/x\\.json: ${field.replaceAll('.', '\\.')} is `));
    t.is(error.value, value);
    t.regex(error.remedy ?? '', new RegExp(field));
  });
}

test('a long wrong value does not fill the log', t => {
  const error = t.throws(() =>
    podFromManifest(
      manifest(pod => Object.assign(pod.metadata, { name: 'x'.repeat(1e6) })),
      'test',
    ),
  );
  t.true((error?.message.length ?? Infinity) < 300);
});

test('an annotation key that names a prototype is a key like any other', t => {
  const object = JSON.parse('{"metadata":{"name":"a","uid":"u","annotations":{"__proto__":"x","a/b":"y"}}}');
  const { annotations } = podFromManifest(object, 'test', ['']);
  t.is(Object.getPrototypeOf(annotations), Object.prototype);
  t.is(annotations['a/b'], 'y');
});

test('whatever a manifest holds, the answer is a pod or FLOCK_POD_INVALID', t => {
  const hostile = fc.oneof(
    fc.jsonValue(),
    fc.record({
      metadata: fc.oneof(
        fc.jsonValue(),
        fc.record({ name: fc.string(), uid: fc.string(), namespace: fc.string() }),
      ),
      status: fc.oneof(fc.jsonValue(), fc.record({ conditions: fc.jsonValue(), podIPs: fc.jsonValue() })),
      spec: fc.jsonValue(),
    }),
  );
  fc.assert(
    fc.property(hostile, object => {
      try {
        const pod = podFromManifest(object, 'test', ['']);
        return podKey(pod.namespace, pod.name).split('/').length === 2;
      } catch (error) {
        return (error as FlockError).code === 'FLOCK_POD_INVALID';
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});
