/** The whole agent with an allocation store of its own, filled over the local API as a CNI plugin does it. */
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import test from 'ava';
import { layOutAgent, startAgent, writePod } from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, routesOf } from '../support/node-lab.ts';

function ask(socketPath: string, method: string, body?: object): Promise<number> {
  const path = '/v1/allocations/default/dns-0';
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path }, response => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    request.once('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

test('an added allocation is routed and survives kill -9, and a deleted one is removed', async t => {
  const { lab, node, nexthop } = await createNodeLab(t, 1);
  const folder = join(lab.dir, 'agent');
  const socket = join(folder, 'run', 'api.sock');
  const files = layOutAgent(folder, {
    allocations: { path: join(folder, 'allocations.json'), owner: 'agent', socket },
  });
  writePod(files, 'dns-0', { ready: true });
  const routes = async () => (await routesOf(node, 70)).map(({ destination }) => destination);
  const allocation = {
    uid: 'dns-0',
    hostInterface: 'p0',
    ipv4: nexthop(0).via,
    anycast: ['192.0.2.53'],
    state: 'committed',
  };

  const first = startAgent(node, files);
  await first.logged('serving the local API');
  t.is(await ask(socket, 'PUT', allocation), 200);
  first.child.kill('SIGKILL');
  await first.exit;
  t.true(existsSync(socket), 'left behind');

  const second = startAgent(node, files);
  await eventually('the route', async () => String(await routes()) === '192.0.2.53/32');
  await eventually('the API', async () => (await ask(socket, 'GET')) === 200);
  t.is(await ask(socket, 'DELETE'), 204);
  await eventually('no route', async () => (await routes()).length === 0);

  second.child.kill('SIGTERM');
  t.is(await second.exit, 0);
  t.false(existsSync(socket));
});
