/** The pause after a failure, while the files of the credentials change. */
import test from 'ava';
import { createLog } from '../../../lib/base/log.ts';
import type { KubernetesClient } from '../../../lib/sources/kubernetes/kubernetes-client.ts';
import { ListWatch } from '../../../lib/sources/kubernetes/kubernetes-list-watch.ts';
import { defaultTiming } from '../../../lib/sources/kubernetes/list-watch-timing.ts';

test('a server that refuses is asked after a pause, though a file of the credentials changes all the time', async t => {
  let [requests, changes] = [0, 0];
  const client = {
    url: new URL('https://192.0.2.1:6443'),
    credentialsSignature: () => String(changes++),
    async getJson() {
      requests++;
      await new Promise(resolve => setImmediate(resolve));
      throw new Error('refused');
    },
  } as unknown as KubernetesClient;
  const listWatch = new ListWatch({
    client,
    path: '/api/v1/pods',
    what: 'the pods',
    fieldSelector: '',
    target: { replace() {}, upsert() {}, remove() {} },
    log: createLog('silent'),
    timing: { ...defaultTiming, firstPauseMs: 60_000, longestPauseMs: 60_000 },
  });
  listWatch.start();
  for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve));
  listWatch.stop();
  // One each second at most.
  t.true(requests < 50, `${requests}`);
});
