/** The Kubernetes source against a real kube-apiserver and etcd. The test is the kubelet. Faults: kubernetes-faults. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { PodLog } from '../../lib/base/pod-log.ts';
import { DesiredTable } from '../../lib/desired/desired-table.ts';
import type { AllocationView } from '../../lib/desired/views.ts';
import { followNode } from '../support/followed-node.ts';
import { heapInUse } from '../support/heap.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test);
let server: KubeApiServer;

test.before(async t => {
  const began = performance.now();
  server = await start(t);
  t.log(`server ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
});

test.serial('all changes of a pod reach its node', async t => {
  const { node, pod, cache } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  await server.createPod('another-node', 'not-ours');
  await server.createPod(node, 'life', {
    annotations: { 'flock-anycast.io/addresses': '192.0.2.53', 'example.com/other': 'x' },
  });
  const created = await eventually('the new pod', () => pod('life'));
  t.false(created.ready);
  t.is(created.nodeName, node);
  t.deepEqual(created.podIPs, []);
  t.deepEqual(created.annotations, { 'flock-anycast.io/addresses': '192.0.2.53' });

  await server.setPodReady('life', true, { podIPs: ['10.1.0.7', 'fd00::7'] });
  const ready = await eventually('Ready', () => pod('life')?.ready && pod('life'));
  t.deepEqual(ready.podIPs, ['10.1.0.7', 'fd00::7']);

  await server.setPodReady('life', false);
  await eventually('not Ready', () => pod('life')?.ready === false);
  await server.setPodReady('life', true);
  await eventually('Ready again', () => pod('life')?.ready);

  await server.deletePod('life', { graceSeconds: 30 });
  const leaving = await eventually('terminating', () => pod('life')?.terminating && pod('life'));
  t.true(leaving.ready, 'no kubelet is there to change Ready, and deletion does not');
  t.false(leaving.containersTerminated);

  await server.patchPodStatus('life', {
    containerStatuses: [
      {
        name: 'main',
        image: 'none',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode: 0 } },
      },
    ],
  });
  await eventually('its containers ended', () => pod('life')?.containersTerminated);

  await server.deletePod('life');
  await eventually('gone', () => cache.snapshot().size === 0);
});

test.serial('a pod created again with the same name is another pod', async t => {
  const { node, pod } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  const first = await server.createPod(node, 'again');
  await eventually('the first', () => pod('again')?.uid === first.metadata.uid);
  await server.deletePod('again');
  const second = await server.createPod(node, 'again');
  await eventually('the second', () => pod('again')?.uid === second.metadata.uid);
  t.not(first.metadata.uid, second.metadata.uid);
});

test.serial('a patch of Ready leads to a change event', async t => {
  const { node, pod, untilTold } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  await server.createPod(node, 'flip');
  await eventually('the pod', () => pod('flip'));
  const took: number[] = [];
  for (let flip = 0; flip < 50; flip++) {
    took.push(await untilTold(() => server.setPodReady('flip', flip % 2 === 0)));
  }
  took.sort((left, right) => left - right);
  t.log(`request and reply included: median ${took[25]?.toFixed(1)} ms, most ${took.at(-1)?.toFixed(1)} ms`);
  t.true((took[25] ?? Infinity) < 100);
});

test.serial('watches that the server ends lose nothing between them', async t => {
  const { node, pod, news, warnings } = await followNode(t, {
    kubeconfig: server.kubeconfigPath,
    timing: { watchSeconds: 1 },
  });
  await server.createPod(node, 'flips');
  await eventually('the pod', () => pod('flips'));
  const began = performance.now();
  for (let flip = 0; performance.now() - began < 5000; flip++) {
    await server.setPodReady('flips', flip % 2 === 0);
    await eventually('the flip', () => pod('flips')?.ready === (flip % 2 === 0));
  }
  t.deepEqual(warnings(), []);
  t.is(news().length, 1);
});

test.serial('annotations that a pod changes all the time leave no memory behind, and few lines', async t => {
  const { node, cache } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  await server.createPod(node, 'restless');
  await server.setPodReady('restless', true, { podIPs: ['10.1.0.9'] });
  const ready = await eventually('Ready', () => cache.snapshot().get('default/restless'));
  const desired = new DesiredTable({ terminatingMs: 0, longestMs: 60_000, notReadyMs: 0 });
  const lines: string[] = [];
  const podLog = new PodLog(pino({}, { write: (line: string) => void lines.push(line) }));
  t.teardown(() => podLog.stop());
  const allocation: AllocationView = {
    ...{ uid: ready.uid, hostInterface: 'veth0', ipv4: '10.1.0.9', anycast: ['192.0.2.9'], addresses: [] },
    state: 'committed',
  };
  let warnings = 0;
  const off = cache.onChange(() => {
    const pod = cache.snapshot().get('default/restless');
    for (const { key, message, value } of desired.update('default/restless', allocation, pod, 0).warnings) {
      warnings++;
      podLog.warn(key, { value }, message);
    }
  });
  t.teardown(off);
  const change = async (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      // A value of its own each time, of nearly the 256 KiB that Kubernetes allows to all annotations of a pod.
      const annotations = { 'flock-anycast.io/weight': `${n} ${'x'.repeat(200_000)}` };
      await server.request('PATCH', '/api/v1/namespaces/default/pods/restless', {
        metadata: { annotations },
      });
    }
    await eventually('the last', () =>
      cache
        .snapshot()
        .get('default/restless')
        ?.annotations['flock-anycast.io/weight']?.startsWith(`${to - 1} `),
    );
  };
  await change(0, 50);
  const before = heapInUse();
  await change(50, 350);
  const grown = heapInUse() - before;
  t.log(
    `${warnings} warnings, ${lines.length} lines, ${lines.join('').length} bytes of log; heap ${grown} bytes`,
  );
  t.true(grown < 20_000_000, `${grown} bytes: 60 MB of annotations came`);
  t.true(lines.length < warnings / 2);
  t.true(lines.every(line => line.length < 1000));
});

// Last, for it takes away what the tests before have made.
test.serial('a server whose etcd was restored from a backup is not taken for one with no news', async t => {
  const { node, pod, cache } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  await server.createPod(node, 'before');
  await eventually('the pod', () => pod('before'));
  await server.stop();
  // The backup is empty: its versions begin again, far below those that the source has seen.
  rmSync(join(dir, 'etcd'), { recursive: true });
  await server.start();
  await server.createPod(node, 'after');
  await eventually('what the restored server has', () => pod('after') && cache.snapshot().size === 1);
  t.pass();
});
