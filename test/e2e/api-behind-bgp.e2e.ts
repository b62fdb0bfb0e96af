/** A new node that reaches its API server only by routes that its BIRD learns by BGP. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { fabric, gateways, plainConfig } from '../bird/fabric.ts';
import { birdOf, layOutAgent, startAgent } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { advertisedAddress, type KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { serverOfFile } from './file-server.ts';

const { start } = serverOfFile(test);
let server: KubeApiServer;

test.before(async t => {
  server = await start(t);
});

test('the agent starts though its API server is reachable only through BIRD', async t => {
  const announce = `protocol static { ipv4; route ${advertisedAddress}/32 unreachable; }\n`;
  const { lab, router, nodes } = await fabric(1, announce);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [(typeof nodes)[0]];
  await router.ip('addr', 'add', `${advertisedAddress}/32`, 'dev', 'lo');
  await server.exposeIn(router, advertisedAddress);
  t.deepEqual(await gateways(node.host, `${advertisedAddress}/32`), []);

  const url = server.url.replace('127.0.0.1', advertisedAddress);
  const kubeconfig = join(lab.dir, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig(server.token, url));
  await server.request('POST', '/api/v1/nodes', { metadata: { name: 'behind-bgp' } });
  const files = layOutAgent(join(lab.dir, 'agent'), {
    node: { name: 'behind-bgp' },
    pods: { source: 'kubernetes', kubeconfig },
    allocations: { source: 'annotations' },
    reconcile: { tickMs: 200 },
  });
  writeFileSync(files.nodeConfig, JSON.stringify(plainConfig(1)));
  const agent = startAgent(node.host, files);
  await agent.logged('wrote the configuration for a BIRD that is not running');
  await startBird(node.host, birdOf(files));
  await agent.logged('in sync');
  t.is((await gateways(node.host, `${advertisedAddress}/32`)).length, 1);

  const annotations = { 'flock-anycast.io/addresses': '192.0.2.53' };
  await server.createPod('behind-bgp', 'dns', { annotations });
  await server.setPodReady('dns', true, { podIPs: ['10.1.10.2', 'fd01:10::2'] });
  await eventually(
    'its route at the router',
    async () => (await gateways(router, '192.0.2.53/32')).length === 1,
  );
});
