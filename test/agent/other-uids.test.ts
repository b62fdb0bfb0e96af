/** Allocations for another uid than the pod's. On a real API server, with a real mirror pod: test/e2e/agent.e2e.ts. */
import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

test('a Ready pod whose allocation is for another uid is a refusal, and a static pod is routed', async t => {
  const { lab, node, nexthop } = await createNodeLab(t, 1);
  const listen = '127.0.0.1:9470';
  const files = layOutAgent(join(lab.dir, 'agent'), { observe: { listen } });
  const { interface: hostInterface, via: ipv4 } = nexthop(0);
  const pod = { namespace: 'default', name: 'dns-0', uid: 'hash', hostInterface, ipv4 };
  writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53'], state: 'committed' }]);
  writePod(files, 'dns-0', { ready: false, uid: 'mirror' });
  const agent = startAgent(node, files);
  await agent.logged('in sync');
  const get = async (path: string) => {
    const script = `fetch('http://${listen}${path}').then(it => it.text()).then(console.log)`;
    return (await node.exec(process.execPath, '-e', script)).trim();
  };
  t.deepEqual(JSON.parse(await get('/status')).refusals, [], 'its addresses may not be committed yet');

  writePod(files, 'dns-0', { ready: true, uid: 'mirror' });
  await agent.logged("refused: the allocation of default/dns-0 is for the uid hash, and the pod's is mirror");
  const [refusal] = JSON.parse(await get('/status')).refusals;
  t.like(refusal, { pod: 'default/dns-0', reason: 'OtherUid', value: 'hash' });
  t.regex(await get('/metrics'), /flock_anycast_refusals\{reason="OtherUid"\} 1/);
  t.deepEqual(await routesOf(node, 70), []);

  const annotations = { 'kubernetes.io/config.hash': 'hash' };
  writePod(files, 'dns-0', { ready: true, uid: 'mirror', annotations });
  await eventually('the route', async () => (await routesOf(node, 70)).length === 1);
  t.deepEqual(JSON.parse(await get('/status')).refusals, []);
});
