import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { pino } from 'pino';
import { BirdControl } from '../../lib/bird/control.ts';
import { BirdManager } from '../../lib/bird/manager.ts';
import { renderedMark } from '../../lib/bird/render.ts';
import { birdVersion } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { fabric, routes, startNode } from './fabric.ts';
import { foreign, four, nodeConfig, place, six } from './place.ts';

test("while BIRD does not run, the file is written for its start, unless it is another owner's", async t => {
  const { configPath, bird, manager, lines } = await place(t);
  const one = manager();
  const absent = await one.apply({ nodeConfig, active: [four] });
  t.is(absent.state, 'unreachable');
  t.is(absent.error?.code, 'FLOCK_BIRD_UNREACHABLE');
  t.true(readFileSync(configPath, 'utf8').startsWith(renderedMark));
  await one.apply({ nodeConfig, active: [six] });
  t.is(readFileSync(configPath, 'utf8'), one.render(nodeConfig, []), 'no address at its start');
  writeFileSync(configPath, foreign);
  await one.apply({ nodeConfig, active: [four] });
  t.is(readFileSync(configPath, 'utf8'), foreign);
  t.is(lines.filter(line => line.includes('ENOENT')).length, 1, 'said once');
  const running = await bird();
  const applied = await one.apply({ nodeConfig, active: [four] });
  t.is(applied.state, 'applied');
  t.true((await running.command('show route')).includes(four));
  t.is(lines.at(-1), 'BIRD is reachable again and runs the configuration');
});

test('a BIRD that is killed and started again is configured again', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  await one.apply({ nodeConfig, active: [four] });
  await running.kill();
  await eventually('the connection to be closed', () => !one.status().connected);
  const gone = await one.apply({ nodeConfig, active: [six] });
  t.is(gone.state, 'unreachable');
  t.deepEqual(gone.announced, new Set());
  const again = await bird();
  t.false((await again.command('show route')).includes(four), 'it starts without an active set');
  t.true(await one.isOutOfStep());
  t.is((await one.apply({ nodeConfig, active: [six] })).state, 'applied');
  t.is((await one.apply({ nodeConfig, active: [six] })).state, 'unchanged');
});

test('a BIRD that hangs keeps its file, and may still announce its former set', async t => {
  const { configPath, bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager({ timeoutMs: 3000 });
  // On a busy machine BIRD itself may take longer than the timeout.
  await eventually('BIRD to run the first set', async () => {
    await one.apply({ nodeConfig, active: [four] });
    return one.status().applied;
  });
  const good = readFileSync(configPath, 'utf8');
  running.signal('SIGSTOP');
  t.teardown(() => running.signal('SIGCONT'));
  for (let pass = 0; pass < 2; pass++) {
    const outcome = await one.apply({ nodeConfig, active: [six] });
    t.is(outcome.state, 'unreachable');
    t.regex(outcome.error?.message ?? '', /no answer to .* within 3000 ms/);
    t.true(outcome.announced.has(four));
  }
  t.is(readFileSync(configPath, 'utf8'), good);
  running.signal('SIGCONT');
  const back = await eventually('BIRD to run the second set', async () => {
    const outcome = await one.apply({ nodeConfig, active: [six] });
    return one.status().applied && outcome;
  });
  t.deepEqual(back.announced, new Set([six]));
});

test('after a restart of the agent, a BIRD that does not answer may still announce what its file contains', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  await manager().apply({ nodeConfig, active: [four, six] });
  running.signal('SIGSTOP');
  t.teardown(() => running.signal('SIGCONT'));
  const outcome = await manager({ timeoutMs: 100 }).apply({ nodeConfig, active: [] });
  t.is(outcome.state, 'unreachable');
  t.deepEqual([...outcome.announced].sort(), [four, six]);
});

test('a BIRD killed during a configure is configured after its start', async t => {
  const { bird, manager } = await place(t);
  const many = Array.from({ length: 20_000 }, (_, at) => `10.${at >> 8}.${at & 255}.1/32`);
  let running = await bird(foreign);
  // Reading 20,000 routes may take long on a busy machine.
  const one = manager({ timeoutMs: 60_000 });
  for (const delay of [1, 5, 20, 60]) {
    const active = many.slice(delay);
    const outcome = one.apply({ nodeConfig, active });
    await new Promise(resolve => setTimeout(resolve, delay));
    await running.kill();
    t.true(['unreachable', 'applied'].includes((await outcome).state));
    await one.apply({ nodeConfig, active });
    running = await bird();
    const { state, error } = await one.apply({ nodeConfig, active });
    t.is(state, 'applied', `${error}; ${running.log}`);
    t.regex(await running.command('show route count'), new RegExp(`${active.length + 1} of `));
  }
});

test('a reconfiguration in progress, and one queued behind it, are awaited until ours runs', async t => {
  const { lab, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const [node, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  // A session is closed only when its routes are flushed: there are so many that this takes a while.
  const many = Array.from({ length: 20_000 }, (_, at) => `10.${64 + (at >> 8)}.${at & 255}.1/32`);
  await startNode(other, { mode: 'filter', active: many });
  const active = [four];
  const peers = node.nodeConfig.bgp.peers.map(peer => ({ ...peer, importLimit: 30_000 }));
  const nodeConfig = { ...node.nodeConfig, bgp: { ...node.nodeConfig.bgp, peers } };
  const bird = await startNode(node, { mode: 'filter', active, nodeConfig });
  await eventually('all routes', async () => /2000\d of/.test(await bird.command('show route count')));
  const control = await BirdControl.open(bird.socketPath);
  t.teardown(() => control.close());
  const manager = new BirdManager({
    mode: 'filter',
    configPath: bird.configPath,
    socketPath: bird.socketPath,
    routes,
    kernelExport: true,
    log: pino({ level: 'silent' }),
  });
  t.teardown(() => manager.close());
  const withAsn = (localAsn: number) => ({ ...nodeConfig, bgp: { ...nodeConfig.bgp, localAsn } });
  writeFileSync(bird.configPath, manager.render(withAsn(65101), active));
  // BIRD 3.4 crashes soon after it has queued one.
  const queues = !birdVersion().startsWith('3.4');
  const answers = await Promise.all(
    ['configure', ...(queues ? ['configure'] : [])].map(text => control.ask(text)),
  );
  t.deepEqual(
    answers.map(({ lines }) => lines.at(-1)?.code),
    queues ? [4, 5] : [4],
  );
  t.is((await manager.apply({ nodeConfig: withAsn(65102), active })).state, 'applied');
  t.deepEqual((await control.ask('configure status')).lines, [{ code: 3, text: 'Daemon is up and running' }]);
  t.regex(await bird.command('show protocols all peer_router4'), /Local AS: +65102/);
  t.is((await manager.apply({ nodeConfig: withAsn(65102), active })).state, 'unchanged');
});
