import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { endChild, eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';

const run = promisify(execFile);

function startRoutingAgent({ lab, node }: NodeLab, listen: string) {
  const files = layOutAgent(join(lab.dir, 'agent'), { observe: { listen }, reconcile: { tickMs: 200 } });
  const uid = 'dns-0';
  const allocation = { namespace: 'default', name: uid, uid, hostInterface: 'p0', ipv4: '10.1.1.2' };
  writeAllocations(files, [{ ...allocation, anycast: ['192.0.2.53'], state: 'committed' }]);
  writePod(files, uid, { ready: true });
  return { ...startAgent(node, files), files };
}

const refused = (listen: string, code: string) =>
  new RegExp(`can not serve /metrics, /healthz and /status at ${listen.replaceAll('.', '\\.')}: .*${code}`);

test('while another program has its port, the agent routes and says so; when the port is free, it listens', async t => {
  const lab = await createNodeLab(t, 1);
  const listen = '127.0.0.1:9470';
  const holder = lab.node.spawn(
    process.execPath,
    ['-e', "require('node:net').createServer().listen(9470, '127.0.0.1', () => console.log('listening'))"],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise(resolve => holder.stdout?.once('data', resolve));
  const agent = startRoutingAgent(lab, listen);
  await eventually('the route', async () => (await routesOf(lab.node, 70)).length === 1);
  await agent.logged('can not serve');
  const warning = agent.lines.find(({ code }) => code === 'FLOCK_LISTEN_FAILED');
  t.regex(warning?.event ?? '', refused(listen, 'EADDRINUSE'));

  await endChild(holder, 1000);
  await agent.logged(`serving /metrics, /healthz and /status at ${listen}`);
  t.is(await lab.node.exec('curl', '-sS', `http://${listen}/healthz`), 'ok\n');
  t.is(agent.lines.filter(({ code }) => code === 'FLOCK_LISTEN_FAILED').length, 1, 'said once');
});

test('it listens at an address that the node gets later, and ends while it waits for one', async t => {
  const lab = await createNodeLab(t, 1);
  const listen = '198.51.100.7:9470';
  const agent = startRoutingAgent(lab, listen);
  await eventually('the route', async () => (await routesOf(lab.node, 70)).length === 1);
  await agent.logged('can not serve');
  const warning = agent.lines.find(({ code }) => code === 'FLOCK_LISTEN_FAILED');
  t.regex(warning?.event ?? '', refused(listen, 'EADDRNOTAVAIL'));
  await lab.node.ip('addr', 'add', '198.51.100.7/32', 'dev', 'lo');
  await agent.logged(`serving /metrics, /healthz and /status at ${listen}`);
  agent.child.kill('SIGTERM');
  t.is(await agent.exit, 0);
});

test('without a file descriptor left the agent goes on, loses nothing, and catches up when there are some', async t => {
  const lab = await createNodeLab(t, 1);
  const listen = '127.0.0.1:9470';
  const agent = startRoutingAgent(lab, listen);
  const routes = async (count: number) =>
    eventually(`${count} route(s)`, async () => (await routesOf(lab.node, 70)).length === count);
  await routes(1);
  const health = (...options: string[]) =>
    lab.node.exec('curl', '-sS', ...options, `http://${listen}/healthz`);
  await eventually('its health', async () => (await health()) === 'ok\n');
  const pid = String(agent.child.pid);
  const limit = (most: number) => run('prlimit', ['--pid', pid, `--nofile=${most}:1024`]);

  // New descriptors would have to be below the limit, where all are in use.
  await limit(3);
  await t.throwsAsync(health('--max-time', '2'));
  writePod(agent.files, 'dns-0', { ready: false });
  await agent.logged('EMFILE');
  t.is((await routesOf(lab.node, 70)).length, 1, 'what was read last stays in force');

  await limit(1024);
  await routes(0);
  await eventually('its health again', async () => (await health()) === 'ok\n');
  t.is(agent.child.exitCode, null);
});
