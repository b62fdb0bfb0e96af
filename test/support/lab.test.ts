import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { eventually, Lab } from './lab.ts';

test('two namespaces joined by a veth pair reach each other in both families', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const left = await lab.namespace('left');
  const right = await lab.namespace('right');
  await lab.link(left, 'eth0', right, 'eth0');
  await left.configure('eth0', '192.0.2.1/24', '2001:db8::1/64');
  await right.configure('eth0', '192.0.2.2/24', '2001:db8::2/64');
  await t.notThrowsAsync(left.exec('ping', '-c1', '-w60', '192.0.2.2'));
  await t.notThrowsAsync(left.exec('ping', '-c1', '-w60', '2001:db8::2'));
});

test('destroying a lab ends its processes and deletes its namespaces and folder', async t => {
  const lab = await Lab.create();
  const host = await lab.namespace('host');
  const child = host.spawn('sleep', ['60']);
  const pid = await eventually('the process to start', () => child.pid);
  await lab.destroy();
  t.false(existsSync(host.path));
  t.false(existsSync(lab.dir));
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('a namespace left by a killed program is swept by the next lab', async t => {
  const dead = spawnSync('true').pid;
  const name = `fa${dead}-1-host`;
  execFileSync('ip', ['netns', 'add', name]);
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  t.false(existsSync(`/run/netns/${name}`));
});
