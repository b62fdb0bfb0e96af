import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { established, fabric, gateways, type Node, plainConfig, rendered } from '../bird/fabric.ts';
import { birdOf, layOutAgent, runCommand, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { KernelWatch } from '../support/kernel-watch.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { watchRoutes } from '../support/route-watch.ts';

const present = { table: 254, metric: 16, protocols: { advertise: 70, hold: 71 } };
const former = { table: 100, metric: 9, protocols: { advertise: 80, hold: 81 } };

const layOut = (lab: NodeLab, config: Record<string, unknown> = {}) =>
  layOutAgent(join(lab.lab.dir, 'agent'), config);

/** Routes of the present identity, of a former one, and three that are not ours. */
async function leftBehind(lab: NodeLab, config: Record<string, unknown> = {}) {
  const files = layOut(lab, config);
  writeFileSync(files.state, JSON.stringify({ version: 1, keys: [former, present] }));
  await lab.node.ipBatch([
    'route add 192.0.2.1/32 via 10.1.1.2 metric 16 proto 70',
    'route add 192.0.2.2/32 via 10.1.1.2 metric 16 proto 71',
    'route add 2001:db8::1/128 via fd00:1:1::2 metric 16 proto 70',
    'route add 192.0.2.3/32 via 10.1.1.2 table 100 metric 9 proto 80',
    'route add 192.0.2.1/32 via 10.1.1.2 metric 17 proto 70',
    'route add 192.0.2.3/32 via 10.1.1.2 metric 9 proto 80',
    'route add 192.0.2.4/32 via 10.1.1.2 metric 16 proto 98',
  ]);
  const ours = async () =>
    (await Promise.all([70, 71, 80, 81].map(protocol => routesOf(lab.node, protocol, 'all')))).flat();
  return { files, ours };
}

test('all our routes, of every remembered identity, are withdrawn and then removed, and no foreign route', async t => {
  const lab = await createNodeLab(t, 1);
  const { files, ours } = await leftBehind(lab);
  const watch = watchRoutes(lab.node, [70, 71]);
  t.teardown(() => watch.stop());
  const { code, out, err } = await runCommand(lab.node, files, 'flush');
  t.deepEqual([code, err], [0, '']);
  t.true(out.includes('table 254, metric 16, protocols 70 and 71: 3 route(s)'), out.join('\n'));
  t.true(out.includes('table 100, metric 9, protocols 80 and 81: 1 route(s)'));
  t.is(out.at(-1), 'nothing of flock-anycast is left in the kernel of this network namespace');
  // These have another metric: they are not ours, even with our protocol numbers.
  t.deepEqual(
    (await ours()).map(({ destination, protocol }) => [destination, protocol]),
    [
      ['192.0.2.1/32', '70'],
      ['192.0.2.3/32', '80'],
    ],
  );
  t.is((await routesOf(lab.node, 98)).length, 1);
  t.false(existsSync(files.state));
  for (const address of ['192.0.2.1', '2001:db8::1']) {
    const [held, gone] = watch.seen.filter(sighting => sighting.address === address);
    t.like(held, { protocol: 71, gone: false });
    t.like(gone, { protocol: 71, gone: true });
  }
});

test("our nexthop groups are removed with their routes; other owners' groups stay", async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  const [ours, group] = [
    present.protocols.advertise * 2 ** 24 + 1,
    present.protocols.advertise * 2 ** 24 + 2,
  ];
  await lab.node.ipBatch([
    `nexthop add id ${ours} via 10.1.1.2 dev p0 proto 70`,
    `nexthop add id ${group} group ${ours} proto 70`,
    'nexthop add id 7 via 10.1.1.2 dev p0 proto 70',
    'nexthop add id 8 via 10.1.1.2 dev p0 proto 99',
    `route add 192.0.2.1/32 nhid ${group} metric 16 proto 70`,
    'route add 192.0.2.2/32 nhid 8 metric 16 proto 99',
  ]);
  const { code, err } = await runCommand(lab.node, files, 'flush');
  t.deepEqual([code, err], [0, '']);
  const left = await lab.node.ipJson<{ id: number }[]>('nexthop', 'show');
  t.deepEqual(
    left.map(({ id }) => id),
    [7, 8],
  );
  t.is((await routesOf(lab.node, 99)).length, 1);
});

test('the unreachable routes of announced prefixes go too, of every remembered identity', async t => {
  const lab = await createNodeLab(t, 1);
  const { files } = await leftBehind(lab);
  const worst = 'metric 4294967295';
  await lab.node.ipBatch([
    `route add unreachable 10.244.3.0/24 ${worst} proto 71`,
    `route add unreachable fd44:3::/64 ${worst} proto 81`,
    `route add unreachable 10.244.4.0/24 ${worst} proto 98`,
  ]);
  const { code, out, err } = await runCommand(lab.node, files, 'flush');
  t.deepEqual([code, err], [0, '']);
  t.true(
    out.includes('unreachable routes of announced prefixes: 10.244.3.0/24, fd44:3::/64'),
    out.join('\n'),
  );
  const left = await lab.node.ip('route', 'show', 'type', 'unreachable');
  t.regex(left, /^unreachable 10\.244\.4\.0\/24 proto 98 [^\n]*\n$/);
  t.is((await lab.node.ip('-6', 'route', 'show', 'type', 'unreachable')).trim(), '');
});

test('a second run has nothing to do, and succeeds', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  const { code, out } = await runCommand(lab.node, files, 'flush', { args: [] });
  t.is(code, 0);
  t.is(out.at(-1), 'nothing of flock-anycast is left in the kernel of this network namespace');
});

test('without a terminal it needs --yes, and changes nothing', async t => {
  const lab = await createNodeLab(t, 1);
  const { files, ours } = await leftBehind(lab);
  const before = await ours();
  const { code, err } = await runCommand(lab.node, files, 'flush', { args: [] });
  t.is(code, 1);
  t.regex(err, /nothing was changed[\s\S]*FLOCK_NOT_CONFIRMED[\s\S]*--yes/);
  t.deepEqual(await ours(), before);
  t.true(existsSync(files.state));
});

for (const [answer, removed] of [
  ['y', true],
  ['n', false],
] as const) {
  test(`at a terminal it asks; ${answer} ${removed ? 'removes' : 'changes nothing'}`, async t => {
    const lab = await createNodeLab(t, 1);
    const { files } = await leftBehind(lab);
    const command = `${process.execPath} dist/cli.js flush --config ${files.config}`;
    const child = lab.node.spawn('script', ['-qefc', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let screen = '';
    child.stdout?.on('data', data => {
      screen += data;
    });
    const exit = new Promise(resolve => child.once('exit', resolve));
    await eventually('the question', () => screen.includes('Withdraw and remove these 4 routes? [y/N]'));
    child.stdin?.write(`${answer}\n`);
    t.is(await exit, removed ? 0 : 1);
    t.is((await routesOf(lab.node, 71)).length, removed ? 0 : 1);
  });
}

test('Ctrl-C after the withdrawal leaves routes that forward and are not announced; a second run finishes', async t => {
  const lab = await createNodeLab(t, 1);
  // It forwards on for a minute: long enough for the interruption to come in the middle on any machine.
  const { files } = await leftBehind(lab, { reconcile: { settleMs: 60_000 } });
  const { code, err } = await runCommand(lab.node, files, 'flush', {
    args: ['--yes'],
    onLine: (line, child) => {
      if (line.startsWith('withdrew')) child.kill('SIGINT');
    },
  });
  t.is(code, 130);
  t.regex(err, /4 route\(s\) are withdrawn and still forward; none was removed/);
  t.is((await routesOf(lab.node, 71)).length, 3);
  t.is((await routesOf(lab.node, 81, 'all')).length, 1);
  t.is((await runCommand(lab.node, layOut(lab), 'flush')).code, 0);
  t.is((await routesOf(lab.node, 71)).length + (await routesOf(lab.node, 81, 'all')).length, 0);
});

test('it is refused while an agent runs', async t => {
  const lab = await createNodeLab(t, 1);
  const { files } = await leftBehind(lab);
  writeAllocations(files, []);
  writeFileSync(files.state, '{"version":1,"keys":[]}');
  const agent = startAgent(lab.node, files);
  await agent.logged('in sync');
  const { code, err } = await runCommand(lab.node, files, 'flush');
  t.is(code, 1);
  t.regex(
    err,
    new RegExp(
      String.raw`run \(process ${agent.child.pid}\)[\s\S]*FLOCK_ALREADY_RUNNING[\s\S]*stop that program`,
    ),
  );
});

test('with an invalid state file it stops before anything is changed', async t => {
  const lab = await createNodeLab(t, 1);
  const { files, ours } = await leftBehind(lab);
  const before = await ours();
  // BIRD's own number and metric: if the file were accepted, every BGP route would be removed.
  const bird = { table: 254, metric: 32, protocols: { advertise: 12, hold: 71 } };
  writeFileSync(files.state, JSON.stringify({ version: 1, keys: [bird] }));
  await lab.node.ip('route', 'add', '198.51.100.0/24', 'via', '10.1.1.2', 'metric', '32', 'proto', '12');
  const { code, err } = await runCommand(lab.node, files, 'flush');
  t.is(code, 1);
  t.regex(err, /keys\.0\.protocols\.advertise: 12 is the number of bird[\s\S]*FLOCK_STATE_INVALID/);
  t.deepEqual(await ours(), before);
  t.is((await routesOf(lab.node, 12)).length, 1);
  t.true(existsSync(files.state));
});

for (const [mode, over] of [
  ['learn', {}],
  ['filter', {}],
  ['learn', { bird: { mode: 'filter' } }],
] as const) {
  const how = 'bird' in over ? `${mode} mode, but filter by the node config` : `${mode} mode`;
  test(`${how}: the router has withdrawn before the first route is removed`, async t => {
    const { lab, router, nodes } = await fabric(1);
    t.teardown(() => lab.destroy());
    const [node] = nodes as [Node];
    const files = layOutAgent(join(lab.dir, 'agent'), { bird: { mode } });
    const bird = await startBird(node.host, {
      ...birdOf(files),
      config: rendered(node),
    });
    const pod = { namespace: 'default', name: 'dns', uid: 'dns', hostInterface: 'pod0', ipv4: '10.1.10.2' };
    writeAllocations(files, [{ ...pod, anycast: ['192.0.2.53'], state: 'committed' }]);
    writePod(files, 'dns', { ready: true });
    writeFileSync(files.nodeConfig, JSON.stringify({ ...plainConfig(1), ...over }));
    const agent = startAgent(node.host, files);
    await established(bird, 2);
    await eventually('the route', async () => (await gateways(router, '192.0.2.53/32')).length === 1);
    agent.child.kill('SIGTERM');
    await agent.exit;
    // Time stamps come from separate programs: this process may be blocked for longer than the two are apart.
    const watches = await Promise.all([router, node.host].map(host => KernelWatch.start(host)));
    const { code, err } = await runCommand(node.host, files, 'flush');
    t.deepEqual([code, err], [0, '']);
    await Promise.all(watches.map(watch => watch.stop()));
    const [withdrawn, removed] = watches.map(
      ({ seen }) => seen.find(({ gone, what }) => gone && what === '192.0.2.53')?.at,
    );
    t.true(withdrawn !== undefined && removed !== undefined && removed - withdrawn > 200);
  });
}

test('filter mode: routes of a BIRD that runs and can not be configured stay, and are still announced', async t => {
  const { lab, router, nodes } = await fabric(1);
  t.teardown(() => lab.destroy());
  const [node] = nodes as [Node];
  const files = layOutAgent(join(lab.dir, 'agent'), { bird: { mode: 'filter' } });
  const text = rendered(node, { mode: 'filter', active: ['192.0.2.53/32'] });
  const where = birdOf(files);
  const bird = await startBird(node.host, { ...where, config: text });
  await node.host.ip('route', 'add', '192.0.2.53/32', 'via', '10.1.10.2', 'metric', '16', 'proto', '70');
  await eventually('the route', async () => (await gateways(router, '192.0.2.53/32')).length === 1);
  const { code, err } = await runCommand(node.host, files, 'flush');
  t.is(code, 1);
  t.regex(err, /BIRD still announces addresses[\s\S]*remedy: restore .*node-config.yaml/);
  t.is((await routesOf(node.host, 71)).length, 1, 'it still forwards');

  await bird.stop();
  const again = await runCommand(node.host, files, 'flush');
  t.is(again.code, 0);
  t.true(again.out.includes('BIRD does not run: it announces nothing'));
});
