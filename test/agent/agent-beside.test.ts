/** What is beside the way from sources to routes fails at start: the agent routes, reports it, and tries again. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, startAgent, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

test('without a place for its socket and its state file the agent routes; when there is one, it uses it', async t => {
  const { lab, node } = await createNodeLab(t, 1);
  const folder = join(lab.dir, 'agent');
  const socket = join(folder, 'run', 'api.sock');
  const files = layOutAgent(folder, {
    observe: { listen: '127.0.0.1:9470' },
    allocations: { path: join(folder, 'allocations.json'), socket },
    state: { path: join(folder, 'state', 'state.json') },
  });
  const uid = 'dns-0';
  const allocation = { namespace: 'default', name: uid, uid, hostInterface: 'p0', ipv4: '10.1.1.2' };
  const allocations = [{ ...allocation, anycast: ['192.0.2.53'], state: 'committed' }];
  writeFileSync(files.allocations, JSON.stringify({ version: 1, allocations }));
  writePod(files, uid, { ready: true });
  // Files where folders are needed: nothing can be made in them, not by root either.
  for (const name of ['run', 'state']) writeFileSync(join(folder, name), '');

  const agent = startAgent(node, files);
  await eventually('the route', async () => (await routesOf(node, 70)).length === 1);
  const codes = () => agent.lines.map(({ code }) => code);
  await eventually('both to be reported', () =>
    ['FLOCK_API_UNAVAILABLE', 'FLOCK_STATE_UNWRITABLE'].every(code => codes().includes(code)),
  );
  const ask = (path: string) => node.exec('curl', '-sS', `http://127.0.0.1:9470/${path}`);
  const beside = async () => {
    const { beside } = JSON.parse(await ask('status')) as { beside: { part: string; open: boolean }[] };
    return Object.fromEntries(beside.map(({ part, open }) => [part, open]));
  };
  t.deepEqual(await beside(), { 'state-file': false, 'local-api': false, listener: true });
  t.regex(await ask('metrics'), /^flock_anycast_beside_up\{part="local-api"\} 0$/m);

  for (const name of ['run', 'state']) {
    rmSync(join(folder, name));
    mkdirSync(join(folder, name));
  }
  await eventually('all to be open', async () => !Object.values(await beside()).includes(false));
  t.true(existsSync(socket));
  t.regex(readFileSync(join(folder, 'state', 'state.json'), 'utf8'), /"advertise": 70/);
  agent.child.kill('SIGTERM');
  t.is(await agent.exit, 0);
  t.false(existsSync(socket));
});
