/** Pods whose object still says Ready although they have ended. */
import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, type PodState, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

const endings: Record<string, Partial<PodState>> = {
  'phase Failed': { phase: 'Failed' },
  'phase Succeeded': { phase: 'Succeeded' },
  'all containers terminated': { terminated: true },
};

test('a pod that has ended has no route, although its condition Ready is still True', async t => {
  const { lab, node, nexthop } = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.dir, 'agent'));
  const { interface: hostInterface, via: ipv4 } = nexthop(0);
  const pod = { namespace: 'default', name: 'dns-0', uid: 'dns-0', hostInterface, ipv4 };
  writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53'], state: 'committed' }]);
  startAgent(node, files);
  const routes = async () => (await routesOf(node, 70)).length + (await routesOf(node, 71)).length;
  for (const [what, ending] of Object.entries(endings)) {
    writePod(files, 'dns-0', { ready: true });
    await eventually(`a route before ${what}`, async () => (await routes()) === 1);
    writePod(files, 'dns-0', { ready: true, ...ending });
    await eventually(`no route after ${what}`, async () => (await routes()) === 0);
  }
  t.pass();
});
