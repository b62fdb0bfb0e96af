/** Each right that deploy/base gives the agent is needed: without it the agent reports the missing right. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, startAgent } from '../support/agent.ts';
import type { ApiObject } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { eventually } from '../support/lab.ts';
import { asInManifest, baseManifests } from '../support/manifests.ts';
import { createNodeLab } from '../support/node-lab.ts';
import { serverOfFile } from './file-server.ts';

const { dir, start } = serverOfFile(test);
let server: KubeApiServer;
let kubeconfig: string;

test.before(async t => {
  server = await start(t);
  for (const manifest of baseManifests()) await server.apply(manifest);
  const path = '/apis/anycast.flock-anycast.io/v1alpha1/nodeconfigs';
  await eventually('the custom resources to be served', () => server.request('GET', path));
  kubeconfig = join(dir, 'agent-kubeconfig');
  writeFileSync(
    kubeconfig,
    server.kubeconfig(await server.serviceAccountToken('flock-anycast', 'flock-anycast')),
  );
});

const rules: ApiObject[] = baseManifests()
  .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
  .flatMap(role => role.rules.map((rule: ApiObject, index: number) => ({ role, rule, index })));

for (const { role, rule, index } of rules) {
  for (const verb of rule.verbs) {
    // Of EndpointSlices this server has none to be watched: test/sources/kubernetes/kubernetes-endpoints.test.ts.
    if (rule.resources[0] === 'endpointslices' && verb === 'watch') continue;
    test.serial(
      `without the right to ${verb} ${rule.resources} the agent reports the missing right`,
      async t => {
        t.teardown(() => server.apply(role));
        const verbs = rule.verbs.filter((each: string) => each !== verb);
        // A rule without a verb is none.
        const rest = verbs.length === 0 ? [] : [{ ...rule, verbs }];
        await server.apply({ ...role, rules: role.rules.toSpliced(index, 1, ...rest) });
        const lab = await createNodeLab(t, 0);
        await server.exposeIn(lab.node);
        const name = `rights-${verb}-${rule.resources[0].replace('/', '-')}`;
        // It needs one of its own to show its status, and a pool that nobody has judged.
        await server.apply({
          apiVersion: 'anycast.flock-anycast.io/v1alpha1',
          kind: 'NodeConfig',
          metadata: { name },
          spec: { bgp: { localAsn: 64512, routerId: '192.0.2.11' } },
        });
        await server.apply({
          apiVersion: 'anycast.flock-anycast.io/v1alpha1',
          kind: 'AnycastPool',
          metadata: { name },
          spec: { cidrs: ['192.0.2.0/24'], namespaces: { names: ['default'] } },
        });
        const files = layOutAgent(join(lab.lab.dir, 'agent'), {
          node: { name },
          pods: { source: 'kubernetes', kubeconfig },
          allocations: { source: 'annotations' },
          nodeConfig: { source: 'kubernetes' },
        });
        await server.request('POST', '/api/v1/nodes', { metadata: { name } });
        // And a pod, to tell it what is refused; an agent that is started again finds the Event that it made.
        await server.createPod(name, name, { annotations: { 'flock-anycast.io/addresses': '127.0.0.1' } });
        let agent = startAgent(lab.node, files, asInManifest);
        if (rule.resources[0] === 'events' && verb === 'patch') {
          await eventually('the Event', async () => {
            const { items } = await server.request('GET', '/api/v1/namespaces/default/events');
            return items.some(({ involvedObject }: ApiObject) => involvedObject.name === name);
          });
          agent.child.kill('SIGKILL');
          await agent.exit;
          agent = startAgent(lab.node, files, asInManifest);
        }
        const denied = new RegExp(`403: ${rule.resources[0].split('/')[0]}\\b.* cannot ${verb} resource`);
        await eventually(
          () => `${denied} in ${JSON.stringify(agent.lines)}`,
          () => agent.lines.some(({ event }) => denied.test(event ?? '')),
        );
        t.pass();
      },
    );
  }
}
