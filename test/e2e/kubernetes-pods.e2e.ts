/** The Kubernetes source against a real kube-apiserver and etcd. The test is the kubelet. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { followNode } from '../support/followed-node.ts';
import { type KubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { Relay } from '../support/relay.ts';

const dir = mkdtempSync(join(tmpdir(), 'flock-e2e-'));
let server: KubeApiServer;

test.before(async t => {
  t.timeout(15 * 60_000, 'the server may have to be built first');
  const began = performance.now();
  server = await startKubeApiServer({ dir });
  t.log(`server ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
});

test.after.always(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test.serial('the life of a pod, as its node hears of it', async t => {
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

test.serial('a pod made again under its name is another pod', async t => {
  const { node, pod } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  const first = await server.createPod(node, 'again');
  await eventually('the first', () => pod('again')?.uid === first.metadata.uid);
  await server.deletePod('again');
  const second = await server.createPod(node, 'again');
  await eventually('the second', () => pod('again')?.uid === second.metadata.uid);
  t.not(first.metadata.uid, second.metadata.uid);
});

test.serial('from a patch of Ready to the change event', async t => {
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

test.serial('a server that crashes and comes back is one loss, one recovery, and no pod lost', async t => {
  const { node, pod, cache, warnings, news } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  await server.createPod(node, 'stays');
  await server.createPod(node, 'leaves');
  await server.setPodReady('stays', true);
  await eventually('both', () => cache.snapshot().size === 2 && pod('stays')?.ready);
  await server.stopServer();
  await eventually('the loss', () => warnings().length === 1);
  t.is(cache.snapshot().size, 2);
  t.true(pod('stays')?.ready);
  await server.startServer();
  await server.setPodReady('stays', false);
  await server.deletePod('leaves');
  await eventually('what happened since', () => cache.snapshot().size === 1 && pod('stays')?.ready === false);
  await eventually('the recovery', () => news().filter(line => /again after/.test(line)).length === 1);
  t.log(...warnings());
});

test.serial(
  'what happened while the server was away, and was compacted away, is found by a fresh list',
  async t => {
    const { node, pod, cache } = await followNode(t, {
      kubeconfig: server.kubeconfigPath,
      timing: { firstPauseMs: 5000, longestPauseMs: 5000 },
    });
    await server.createPod(node, 'old');
    await eventually('the pod', () => pod('old'));
    await server.stopServer();
    await server.startServer();
    // Before the source comes back: events it will never be sent, for the restarted server has no memory of them.
    await server.deletePod('old');
    await server.createPod(node, 'new');
    await server.compact();
    await eventually('the new pod alone', () => pod('new') && cache.snapshot().size === 1, {
      timeoutMs: 40_000,
    });
    t.pass();
  },
);

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

/** A kubeconfig that leads through a relay. */
async function throughRelay(t: ExecutionContext): Promise<{ relay: Relay; kubeconfig: string }> {
  const relay = await Relay.listen(
    { port: 0 },
    { port: Number(new URL(server.url).port), host: '127.0.0.1' },
  );
  t.teardown(() => relay.close());
  const kubeconfig = join(dir, `relay-${relay.port}`);
  writeFileSync(kubeconfig, server.kubeconfig(server.token, `https://127.0.0.1:${relay.port}`));
  return { relay, kubeconfig };
}

test.serial('a cut connection is taken up within a second', async t => {
  const { relay, kubeconfig } = await throughRelay(t);
  const { node, pod, untilTold } = await followNode(t, { kubeconfig });
  await server.createPod(node, 'cut');
  await eventually('the pod', () => pod('cut'));
  relay.cut();
  const took = await untilTold(() => server.setPodReady('cut', true));
  t.true(took < 1000, `${took} ms`);
});

test.serial('a connection that is open and silent is given up', async t => {
  const { relay, kubeconfig } = await throughRelay(t);
  const { node, pod } = await followNode(t, { kubeconfig, timing: { idleMs: 500, answerMs: 500 } });
  await server.createPod(node, 'silent');
  await eventually('the pod', () => pod('silent'));
  relay.stall();
  await server.setPodReady('silent', true);
  await new Promise(resolve => setTimeout(resolve, 1500));
  t.false(pod('silent')?.ready);
  relay.resume();
  await eventually('the change', () => pod('silent')?.ready);
});

// Last, for it takes away what the tests before have made.
test.serial('a server whose etcd was restored from a backup is not taken for one with no news', async t => {
  const { node, pod, cache } = await followNode(t, { kubeconfig: server.kubeconfigPath });
  await server.createPod(node, 'before');
  await eventually('the pod', () => pod('before'));
  await server.stop();
  // The backup is an empty one: its versions begin anew, far below those the source has seen.
  rmSync(join(dir, 'etcd'), { recursive: true });
  await server.start();
  await server.createPod(node, 'after');
  await eventually('what the restored server has', () => pod('after') && cache.snapshot().size === 1, {
    timeoutMs: 40_000,
  });
  t.pass();
});
