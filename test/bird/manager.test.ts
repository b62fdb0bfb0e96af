import { chmodSync, chownSync, existsSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { activePathOf } from '../../lib/bird/config-files.ts';
import type { NodeConfig } from '../../lib/config/node-config.ts';
import { birdVersion, startBird } from '../support/bird.ts';
import { foreign, four, nodeConfig, place, reconfigurations, six } from './place.ts';

test('BIRD is not configured until a node config was loaded', async t => {
  const { configPath, bird, manager } = await place(t);
  const running = await bird(foreign);
  const outcome = await manager().apply({ nodeConfig: undefined, active: [four] });
  t.deepEqual(outcome, { state: 'idle', announced: new Set() });
  t.is(readFileSync(configPath, 'utf8'), foreign);
  t.is(reconfigurations(running), 0);
});

test('a new text is checked, written for BIRD alone and configured; for the same text BIRD gets no command', async t => {
  const { configPath, bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  const applied = await one.apply({ nodeConfig, active: [four] });
  t.is(applied.state, 'applied');
  t.deepEqual(applied.announced, new Set([four]));
  t.is(readFileSync(configPath, 'utf8'), one.render(nodeConfig, []));
  t.is(readFileSync(activePathOf(configPath), 'utf8'), one.render(nodeConfig, [four]));
  for (const path of [configPath, activePathOf(configPath)]) t.is(statSync(path).mode & 0o777, 0o640);
  t.true((await running.command(`show route for ${four}`)).includes('anycast4'));
  t.like(one.status(), { connected: true, version: birdVersion(), applied: true, lastError: undefined });
  const { mtimeMs } = statSync(activePathOf(configPath));
  for (let pass = 0; pass < 5; pass++) {
    t.is((await one.apply({ nodeConfig, active: [four] })).state, 'unchanged');
  }
  t.is(reconfigurations(running), 1);
  t.is(statSync(activePathOf(configPath)).mtimeMs, mtimeMs);
  const both = await one.apply({ nodeConfig, active: [six, four] });
  t.deepEqual([...both.announced].sort(), [four, six]);
  t.is((await one.apply({ nodeConfig, active: [four, six] })).state, 'unchanged', 'order is no difference');
  t.is((await one.apply({ nodeConfig, active: [] })).state, 'applied');
  t.false((await running.command('show route')).includes(four));
  t.false(existsSync(activePathOf(configPath)));
});

test('calls while one is under way become one, with the newest input', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, at) => one.apply({ nodeConfig, active: [`192.0.2.${at}/32`] })),
  );
  t.deepEqual(outcomes.at(-1)?.announced, new Set(['192.0.2.49/32']));
  t.true(reconfigurations(running) <= 2);
  t.is(new Set(outcomes).size <= 2, true);
});

test('a text that BIRD refuses replaces neither the file nor the running configuration', async t => {
  const { configPath, lab, bird, manager, lines } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  await one.apply({ nodeConfig, active: [four] });
  const good = readFileSync(activePathOf(configPath), 'utf8');
  const before = reconfigurations(running);
  for (let pass = 0; pass < 3; pass++) {
    const outcome = await one.apply({ nodeConfig, active: [four, '192.0.2.999/32'] });
    t.is(outcome.state, 'refused');
    t.is(outcome.error?.code, 'FLOCK_BIRD_REFUSED');
    t.regex(outcome.error?.message ?? '', /8002 .*Invalid IPv4 address 192\.0\.2\.999/);
    t.deepEqual(outcome.announced, new Set([four]));
  }
  t.is(readFileSync(activePathOf(configPath), 'utf8'), good);
  t.false(existsSync(join(lab.dir, '.bird.conf.active.flock')));
  t.is(reconfigurations(running), before);
  t.is(lines.filter(line => line.includes('refused')).length, 1, 'logged once');
  t.is((await one.apply({ nodeConfig, active: [four] })).state, 'unchanged', 'the old one still runs');
});

test('a missing password file is reported, and nothing changes', async t => {
  const { configPath, lab, bird, manager } = await place(t);
  await bird(foreign);
  const passwordFile = join(lab.dir, 'password');
  const [peer] = nodeConfig.bgp.peers as [NodeConfig['bgp']['peers'][0]];
  const secured = { ...nodeConfig, bgp: { ...nodeConfig.bgp, peers: [{ ...peer, passwordFile }] } };
  const one = manager();
  const outcome = await one.apply({ nodeConfig: secured, active: [] });
  t.is(outcome.state, 'refused');
  t.is(outcome.error?.code, 'FLOCK_NODE_CONFIG_INVALID');
  t.regex(outcome.error?.message ?? '', /password of peer router4|peer router4/);
  t.is(readFileSync(configPath, 'utf8'), foreign);
  writeFileSync(passwordFile, 'first secret\n');
  t.is((await one.apply({ nodeConfig: secured, active: [] })).state, 'applied');
  writeFileSync(passwordFile, 'second secret\n');
  t.is((await one.apply({ nodeConfig: secured, active: [] })).state, 'applied', 'a new password is a change');
  t.regex(readFileSync(configPath, 'utf8'), /password "second secret";/);
});

test('a BIRD that reads another file is refused, and stays as it is', async t => {
  const { configPath, lab, host, manager } = await place(t);
  const running = await startBird(host, {
    name: 'bird',
    configPath: join(lab.dir, 'other.conf'),
    config: foreign,
  });
  const outcome = await manager().apply({ nodeConfig, active: [] });
  t.is(outcome.state, 'refused');
  t.regex(outcome.error?.message ?? '', /reads .*other\.conf, and bird\.config is .*bird\.conf/);
  t.false(existsSync(configPath));
  t.is(reconfigurations(running), 0);
});

test('filter mode: a BIRD that starts announces nothing of before, without the agent', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  t.is((await one.apply({ nodeConfig, active: [four] })).state, 'applied');
  t.true((await running.command('show route')).includes(four));
  one.close();
  await running.kill();
  const again = await bird();
  const starting = await again.command('show route');
  t.true(starting.includes('10.244.1.0/24'), "the node's own prefixes");
  t.false(starting.includes(four));
  const two = manager();
  t.is((await two.apply({ nodeConfig, active: [four] })).state, 'applied');
  t.true((await again.command('show route')).includes(four));
});

test('filter mode: a BIRD that somebody else had read its file is configured again', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  await one.apply({ nodeConfig, active: [four] });
  t.false(await one.isOutOfStep());
  await running.command('configure');
  t.false((await running.command('show route')).includes(four));
  t.true(await one.isOutOfStep());
  t.is((await one.apply({ nodeConfig, active: [four] })).state, 'applied');
  t.true((await running.command('show route')).includes(four));
  t.false(await one.isOutOfStep());
});

test('a file that was deleted while BIRD runs is written again with the next new text', async t => {
  const { configPath, bird, manager } = await place(t);
  await bird(foreign);
  unlinkSync(configPath);
  t.is((await manager().apply({ nodeConfig, active: [] })).state, 'applied');
});

test('a new file has the group of the old one, so that BIRD may read it', async t => {
  const { configPath, bird, manager } = await place(t);
  await bird(foreign);
  try {
    chownSync(configPath, 0, 4242);
  } catch {
    t.log('skipped: a user namespace has no second group');
    return t.pass();
  }
  chmodSync(configPath, 0o640);
  t.is((await manager().apply({ nodeConfig, active: [four] })).state, 'applied');
  t.is(statSync(configPath).gid, 4242);
  t.is(statSync(activePathOf(configPath)).gid, 4242);
});
