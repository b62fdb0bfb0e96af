/** An upgrade and a downgrade leave what stands: routes, the state file, and what the API server has stored. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { KernelWatch } from '../support/kernel-watch.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** What starts this version: nothing around it. And the last one: another program in this one's place. */
const now: string[] = [];
let former: string[];

test.before(async t => {
  t.timeout(10 * 60_000);
  const folder = (await run(join(root, 'scripts/former-version'), [])).stdout.trim();
  former = ['sh', '-c', 'node=$1; shift 2; exec "$node" "$0" "$@"', join(folder, 'dist/cli.js')];
});

for (const nexthops of ['multipath', 'groups', 'resilient'] as const)
  test.serial(
    `with ${nexthops} nexthops, the new agent takes over the old one's routes and gives them back, with no event`,
    async t => {
      const nodeLab = await createNodeLab(t, 2);
      const { lab, node } = nodeLab;
      const files = layOutAgent(join(lab.dir, 'agent'), { routes: { nexthops } });
      writeAllocations(
        files,
        [0, 1].map(index => ({
          namespace: 'default',
          name: `dns-${index}`,
          uid: `dns-${index}`,
          hostInterface: `p${index}`,
          ipv4: `10.1.${index + 1}.2`,
          ipv6: `fd00:1:${index + 1}::2`,
          anycast: ['192.0.2.53', '2001:db8::53'],
          state: 'committed' as const,
        })),
      );
      for (const index of [0, 1]) writePod(files, `dns-${index}`, { ready: true });

      let agent = startAgent(node, files, former);
      await agent.logged('in sync');
      await eventually('routes of both pods', async () => {
        const routes = await routesOf(node, 70);
        return routes.length === 2 && routes.every(route => route.nexthops.length === 2);
      });
      const before = await routesOf(node, 70);
      const readState = (): unknown => JSON.parse(readFileSync(files.state, 'utf8'));
      const state = readState();
      const watch = await KernelWatch.start(node);
      for (const launcher of [now, former, now]) {
        agent.child.kill('SIGTERM');
        t.is(await agent.exit, 0);
        agent = startAgent(node, files, launcher);
        await agent.logged('in sync: 2 route(s) of ours');
        t.deepEqual(await routesOf(node, 70), before);
        t.deepEqual(readState(), state);
      }
      await watch.stop();
      t.deepEqual(
        watch.seen.filter(({ what }) => what === '192.0.2.53' || what === '2001:db8::53'),
        [],
      );
    },
  );
