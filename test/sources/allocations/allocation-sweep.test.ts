/** When allocations of pods that are gone are removed. On a real API server: test/e2e/agent.e2e.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLog } from '../../../lib/base/log.ts';
import { AllocationStore } from '../../../lib/sources/allocations/allocation-store.ts';
import { AllocationSweep } from '../../../lib/sources/allocations/allocation-sweep.ts';
import { podFromManifest } from '../../../lib/sources/pods/pod.ts';
import { PodCache } from '../../../lib/sources/pods/pod-cache.ts';

const log = createLog('silent');
const allocation = (name: string) => ({ namespace: 'default', name, uid: name, hostInterface: 'veth1' });
const pod = (name: string, uid = name, annotations = {}) =>
  podFromManifest({ metadata: { name, uid, annotations } }, name, []);

async function sweeping(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'flock-sweep-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const store = new AllocationStore({ path: join(folder, 'allocations.json'), log });
  await store.start();
  const pods = new PodCache();
  const state = { now: 0, isConnected: true };
  const clock = { now: () => state.now, after: () => () => {} };
  const isConnected = () => state.isConnected;
  const sweep = new AllocationSweep({ store, pods, isConnected, afterMs: 600_000, clock, log });
  /** @returns which allocations are left at a time. */
  const leftAt = async (now: number, connected = true) => {
    Object.assign(state, { now, isConnected: connected });
    await sweep.look();
    return [...store.snapshot().values()].map(({ name }) => name);
  };
  const commit = (name: string) => store.commit({ ...allocation(name), state: 'committed' });
  return { store, pods, commit, leftAt };
}

test('an allocation whose pod is gone, or is another one of its name, is removed after a while', async t => {
  const { pods, commit, leftAt } = await sweeping(t);
  for (const name of ['here', 'gone', 'other', 'static']) await commit(name);
  const hash = { 'kubernetes.io/config.hash': 'static' };
  pods.replace([pod('here'), pod('other', 'second'), pod('static', 'mirror', hash)]);
  t.is((await leftAt(0)).length, 4);
  t.is((await leftAt(599_999)).length, 4);
  t.deepEqual(await leftAt(600_000), ['here', 'static']);
});

test('nothing is removed before the pods were read, nor is time counted without the API server', async t => {
  const { pods, commit, leftAt } = await sweeping(t);
  await commit('gone');
  await leftAt(0);
  t.deepEqual(await leftAt(9_000_000), ['gone']);
  pods.replace([]);
  t.deepEqual(await leftAt(9_500_000), ['gone']);
  t.deepEqual(await leftAt(9_900_000, false), ['gone']);
  t.deepEqual(await leftAt(10_000_000), ['gone'], 'the while begins again');
  t.deepEqual(await leftAt(10_500_000), []);
});

test('an allocation that was committed again, or whose pod came back, has its while from then on', async t => {
  const { store, pods, commit, leftAt } = await sweeping(t);
  for (const name of ['again', 'back']) await commit(name);
  pods.replace([]);
  await leftAt(0);
  await store.commit({ ...allocation('again'), state: 'pending' });
  pods.replace([pod('back')]);
  await leftAt(300_000);
  pods.replace([]);
  t.deepEqual(await leftAt(600_000), ['again', 'back']);
  t.deepEqual(await leftAt(900_000), ['back']);
  t.deepEqual(await leftAt(1_200_000), []);
});
