import { chmodSync, chownSync, existsSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { BirdControl } from '../../lib/bird/control.ts';
import { BirdManager, type BirdManagerOptions } from '../../lib/bird/manager.ts';
import { renderedMark } from '../../lib/bird/render.ts';
import { type NodeConfig, parseNodeConfig } from '../../lib/sources/node-config.ts';
import { type BirdProcess, startBird } from '../support/bird.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';
import { fabric, plainConfig, routes, startNode } from './fabric.ts';

const nodeConfig = parseNodeConfig(JSON.stringify(plainConfig(1)), 'test');
const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

interface Place {
  lab: Lab;
  host: Namespace;
  configPath: string;
  lines: string[];
  bird(config?: string): Promise<BirdProcess>;
  manager(options?: Partial<BirdManagerOptions>): BirdManager;
}

async function place(t: ExecutionContext): Promise<Place> {
  const lab = await Lab.create();
  const host = await lab.namespace('host');
  const configPath = join(lab.dir, 'bird.conf');
  const socketPath = join(lab.dir, 'bird.ctl');
  const managers: BirdManager[] = [];
  t.teardown(async () => {
    for (const manager of managers) manager.close();
    await lab.destroy();
  });
  const lines: string[] = [];
  const log = pino(
    { messageKey: 'event' },
    { write: (line: string) => lines.push((JSON.parse(line) as { event: string }).event) },
  );
  return {
    lab,
    host,
    configPath,
    lines,
    bird: config =>
      startBird(host, { name: 'bird', configPath, socketPath, ...(config === undefined ? {} : { config }) }),
    manager: options => {
      const manager = new BirdManager({
        mode: 'filter',
        configPath,
        socketPath,
        routes,
        kernelExport: true,
        log,
        ...options,
      });
      managers.push(manager);
      return manager;
    },
  };
}

const foreign = 'log stderr all;\nrouter id 192.0.2.1;\nprotocol device { }\n';
const reconfigurations = (bird: BirdProcess) => bird.log.match(/<INFO> Reconfiguring/g)?.length ?? 0;

test('BIRD is left alone until a node config was loaded', async t => {
  const { configPath, bird, manager } = await place(t);
  const running = await bird(foreign);
  const outcome = await manager().apply({ nodeConfig: undefined, active: [four] });
  t.deepEqual(outcome, { state: 'idle', announced: new Set() });
  t.is(readFileSync(configPath, 'utf8'), foreign);
  t.is(reconfigurations(running), 0);
});

test('what is new is checked, written for BIRD alone and configured; what is the same costs BIRD nothing', async t => {
  const { configPath, bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  const applied = await one.apply({ nodeConfig, active: [four] });
  t.is(applied.state, 'applied');
  t.deepEqual(applied.announced, new Set([four]));
  t.is(readFileSync(configPath, 'utf8'), one.render(nodeConfig, [four]));
  t.is(statSync(configPath).mode & 0o777, 0o640);
  t.true((await running.command(`show route for ${four}`)).includes('anycast4'));
  t.like(one.status(), { connected: true, version: '2.0.12', applied: true, lastError: undefined });
  const { mtimeMs } = statSync(configPath);
  for (let pass = 0; pass < 5; pass++) {
    t.is((await one.apply({ nodeConfig, active: [four] })).state, 'unchanged');
  }
  t.is(reconfigurations(running), 1);
  t.is(statSync(configPath).mtimeMs, mtimeMs);
  const both = await one.apply({ nodeConfig, active: [six, four] });
  t.deepEqual([...both.announced].sort(), [four, six]);
  t.is((await one.apply({ nodeConfig, active: [four, six] })).state, 'unchanged', 'order is no difference');
  t.is((await one.apply({ nodeConfig, active: [] })).state, 'applied');
  t.false((await running.command('show route')).includes(four));
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

test('what BIRD refuses replaces neither the file nor what runs', async t => {
  const { configPath, lab, bird, manager, lines } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  await one.apply({ nodeConfig, active: [four] });
  const good = readFileSync(configPath, 'utf8');
  const before = reconfigurations(running);
  for (let pass = 0; pass < 3; pass++) {
    const outcome = await one.apply({ nodeConfig, active: [four, '192.0.2.999/32'] });
    t.is(outcome.state, 'refused');
    t.is(outcome.error?.code, 'FLOCK_BIRD_REFUSED');
    t.regex(outcome.error?.message ?? '', /8002 .*Invalid IPv4 address 192\.0\.2\.999/);
    t.deepEqual(outcome.announced, new Set([four]));
  }
  t.is(readFileSync(configPath, 'utf8'), good);
  t.false(existsSync(join(lab.dir, '.bird.conf.flock')));
  t.is(reconfigurations(running), before);
  t.is(lines.filter(line => line.includes('refused')).length, 1, 'said once');
  t.is((await one.apply({ nodeConfig, active: [four] })).state, 'unchanged', 'the old one still runs');
});

test('a password file that is not there is said, and nothing changes', async t => {
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

test('without a BIRD the file is prepared for its start, unless it is of somebody else', async t => {
  const { configPath, bird, manager, lines } = await place(t);
  const one = manager();
  const absent = await one.apply({ nodeConfig, active: [four] });
  t.is(absent.state, 'unreachable');
  t.is(absent.error?.code, 'FLOCK_BIRD_UNREACHABLE');
  t.true(readFileSync(configPath, 'utf8').startsWith(renderedMark));
  await one.apply({ nodeConfig, active: [six] });
  t.is(readFileSync(configPath, 'utf8'), one.render(nodeConfig, [six]), 'no address of before at its start');
  writeFileSync(configPath, foreign);
  await one.apply({ nodeConfig, active: [four] });
  t.is(readFileSync(configPath, 'utf8'), foreign);
  t.is(lines.filter(line => line.includes('ENOENT')).length, 1, 'said once');
  const running = await bird();
  const applied = await one.apply({ nodeConfig, active: [four] });
  t.is(applied.state, 'applied');
  t.true((await running.command('show route')).includes(four));
  t.is(lines.at(-1), 'BIRD is reached again and configured');
});

test('a BIRD that is killed and started again is configured again', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager();
  await one.apply({ nodeConfig, active: [four] });
  await running.kill();
  await eventually('the end is noticed', () => !one.status().connected);
  const gone = await one.apply({ nodeConfig, active: [six] });
  t.is(gone.state, 'unreachable');
  t.deepEqual(gone.announced, new Set());
  const again = await bird();
  t.true((await again.command('show route')).includes(six), 'it starts with what was prepared');
  t.is((await one.apply({ nodeConfig, active: [six] })).state, 'applied');
  t.is((await one.apply({ nodeConfig, active: [six] })).state, 'unchanged');
});

test('a BIRD that hangs keeps its file, and may still announce what it did', async t => {
  const { configPath, bird, manager } = await place(t);
  const running = await bird(foreign);
  const one = manager({ timeoutMs: 200 });
  await one.apply({ nodeConfig, active: [four] });
  const good = readFileSync(configPath, 'utf8');
  running.signal('SIGSTOP');
  t.teardown(() => running.signal('SIGCONT'));
  for (let pass = 0; pass < 2; pass++) {
    const outcome = await one.apply({ nodeConfig, active: [six] });
    t.is(outcome.state, 'unreachable');
    t.regex(outcome.error?.message ?? '', /gave no answer to .* in 200 ms/);
    t.true(outcome.announced.has(four));
  }
  t.is(readFileSync(configPath, 'utf8'), good);
  running.signal('SIGCONT');
  const back = await one.apply({ nodeConfig, active: [six] });
  t.is(back.state, 'applied');
  t.deepEqual(back.announced, new Set([six]));
});

test('after our restart, a BIRD that does not answer may still announce what its file says', async t => {
  const { bird, manager } = await place(t);
  const running = await bird(foreign);
  await manager().apply({ nodeConfig, active: [four, six] });
  running.signal('SIGSTOP');
  t.teardown(() => running.signal('SIGCONT'));
  const outcome = await manager({ timeoutMs: 100 }).apply({ nodeConfig, active: [] });
  t.is(outcome.state, 'unreachable');
  t.deepEqual([...outcome.announced].sort(), [four, six]);
});

test('BIRD killed in the middle of a configure is no loss', async t => {
  const { bird, manager } = await place(t);
  const many = Array.from({ length: 20_000 }, (_, at) => `10.${at >> 8}.${at & 255}.1/32`);
  let running = await bird(foreign);
  const one = manager();
  for (const delay of [1, 5, 20, 60]) {
    const active = many.slice(delay);
    const outcome = one.apply({ nodeConfig, active });
    await new Promise(resolve => setTimeout(resolve, delay));
    await running.kill();
    t.true(['unreachable', 'applied'].includes((await outcome).state));
    await one.apply({ nodeConfig, active });
    running = await bird();
    t.is((await one.apply({ nodeConfig, active })).state, 'applied');
    t.regex(await running.command('show route count'), new RegExp(`${active.length + 1} of `));
  }
});

test('a BIRD that reads another file is told apart, and left as it is', async t => {
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

test('a file that vanished under a running BIRD is written again when there is something new', async t => {
  const { configPath, bird, manager } = await place(t);
  await bird(foreign);
  unlinkSync(configPath);
  t.is((await manager().apply({ nodeConfig, active: [] })).state, 'applied');
});

test('a reconfiguration in progress, and one queued behind it, are followed until ours runs', async t => {
  const { lab, nodes } = await fabric(2);
  t.teardown(() => lab.destroy());
  const [node, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  // A session that closes is done when the routes it brought are flushed: so many that it takes a while.
  const many = Array.from({ length: 20_000 }, (_, at) => `10.${64 + (at >> 8)}.${at & 255}.1/32`);
  await startNode(other, { mode: 'filter', active: many });
  const active = [four];
  const bird = await startNode(node, { mode: 'filter', active });
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
  const withAsn = (localAsn: number) => ({ ...node.nodeConfig, bgp: { ...node.nodeConfig.bgp, localAsn } });
  writeFileSync(bird.configPath, manager.render(withAsn(65101), active));
  const answers = await Promise.all([control.ask('configure'), control.ask('configure')]);
  t.deepEqual(
    answers.map(({ lines }) => lines.at(-1)?.code),
    [4, 5],
  );
  t.is((await manager.apply({ nodeConfig: withAsn(65102), active })).state, 'applied');
  t.deepEqual((await control.ask('configure status')).lines, [{ code: 3, text: 'Daemon is up and running' }]);
  t.regex(await bird.command('show protocols all peer_router4'), /Local AS: +65102/);
  t.is((await manager.apply({ nodeConfig: withAsn(65102), active })).state, 'unchanged');
});

test('a new file has the group of the old one, which is how BIRD may read it', async t => {
  const { configPath, bird, manager } = await place(t);
  await bird(foreign);
  try {
    chownSync(configPath, 0, 4242);
  } catch {
    t.log('skipped: a user namespace has no second group');
    return t.pass();
  }
  chmodSync(configPath, 0o640);
  t.is((await manager().apply({ nodeConfig, active: [] })).state, 'applied');
  t.is(statSync(configPath).gid, 4242);
});
