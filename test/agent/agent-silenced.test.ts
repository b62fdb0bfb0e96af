import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';
import { makeStalledPipe } from '../support/stalled-pipe.ts';

test('while nobody reads its log, the agent routes, answers, and ends; then one line says how many were dropped', async t => {
  const { lab, node } = await createNodeLab(t, 1);
  const observe = { listen: '127.0.0.1:9470', logLevel: 'debug' };
  const files = layOutAgent(join(lab.dir, 'agent'), { observe });
  const anycast = Array.from({ length: 400 }, (_, index) => `192.0.${2 + (index >> 8)}.${index & 255}`);
  const uid = 'dns-0';
  const allocation = { namespace: 'default', name: uid, uid, hostInterface: 'p0', ipv4: '10.1.1.2', anycast };
  writeAllocations(files, [{ ...allocation, state: 'committed' }]);
  writePod(files, 'dns-0', { ready: false });
  const pipe = makeStalledPipe(t, join(lab.dir, 'pipe'));
  const agent = startAgent(node, files, ['sh', '-c', `exec "$@" 2>${pipe.path}`, 'sh']);
  const ask = (path: string) => node.exec('curl', '-sS', `http://127.0.0.1:9470/${path}`);
  const dropped = async () =>
    Number(/^flock_anycast_log_lines_dropped_total (\d+)$/m.exec(await ask('metrics'))?.[1]);

  for (let flip = 0; flip === 0 || (await dropped()) === 0; flip++) {
    writePod(files, 'dns-0', { ready: true });
    await eventually('the routes', async () => (await routesOf(node, 70)).length === 400);
    writePod(files, 'dns-0', { ready: false });
    await eventually('no route', async () => {
      return (await routesOf(node, 70)).length + (await routesOf(node, 71)).length === 0;
    });
  }
  t.is(await ask('healthz'), 'ok\n');

  let read = '';
  await eventually('the line about what was dropped', () => {
    read += pipe.read();
    return read.includes('LOG_LINES_DROPPED');
  });
  t.regex(read, /"dropped":\d+.*were dropped: standard error did not take them/);
  // The pipe is full again when the agent is told to end.
  pipe.fill();
  agent.child.kill('SIGTERM');
  t.is(await agent.exit, 0);
});
