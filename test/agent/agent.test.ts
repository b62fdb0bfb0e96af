import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  layOutAgent,
  removePod,
  startAgent,
  writeAllocations,
  writeFileAtomically,
  writePod,
} from '../support/agent.ts';
import { eventually } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';

const anycast = ['192.0.2.53', '2001:db8::53'];

function allocationOf(index: number, over = {}) {
  return {
    namespace: 'default',
    name: `dns-${index}`,
    uid: `dns-${index}`,
    hostInterface: `p${index}`,
    ipv4: `10.1.${index + 1}.2`,
    ipv6: `fd00:1:${index + 1}::2`,
    anycast,
    state: 'committed' as const,
    ...over,
  };
}

const announced = ({ node }: NodeLab) => routesOf(node, 70);

test('a pod file that is Ready adds routes; one that is not Ready, or deleted, removes them', async t => {
  const lab = await createNodeLab(t, 2);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, [allocationOf(0), allocationOf(1)]);
  writePod(files, 'dns-0', { ready: false });
  writePod(files, 'dns-1', { ready: false });
  const agent = startAgent(lab.node, files);
  await agent.logged('in sync');
  t.deepEqual(await announced(lab), []);

  writePod(files, 'dns-0', { ready: true });
  await eventually('one nexthop in both families', async () => {
    const routes = await announced(lab);
    return routes.length === 2 && routes.every(({ nexthops }) => nexthops.length === 1);
  });
  await agent.logged('advertise 192.0.2.53/32 via 10.1.1.2%p0');

  writePod(files, 'dns-1', { ready: true });
  await eventually('two nexthops', async () =>
    (await announced(lab)).every(({ nexthops }) => nexthops.length === 2),
  );
  writePod(files, 'dns-0', { ready: true, terminating: true });
  await eventually('one nexthop', async () =>
    (await announced(lab)).every(({ nexthops }) => nexthops.length === 1),
  );
  removePod(files, 'dns-1');
  await eventually('no route', async () => (await announced(lab)).length === 0);
  await agent.logged('remove 2001:db8::53/128');
});

test('SIGTERM ends the agent and leaves routes in place; a restart changes nothing', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  const first = startAgent(lab.node, files);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  first.child.kill('SIGTERM');
  t.is(await first.exit, 0);
  t.is((await announced(lab)).length, 2);

  const second = startAgent(lab.node, files);
  await second.logged('in sync: 2 route(s) of ours');
  t.deepEqual(
    second.lines.filter(({ event }) => /^(advertise|hold|remove)/.test(event ?? '')),
    [],
  );
  t.is((await announced(lab)).length, 2);
});

test('when the last pod terminates, its route is withdrawn, forwards while it serves, and is removed when it stops', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { drain: { terminatingMs: 600_000 } });
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  startAgent(lab.node, files);
  const held = async () => (await routesOf(lab.node, 71)).length;
  await eventually('routes', async () => (await announced(lab)).length === 2);
  writePod(files, 'dns-0', { ready: true, terminating: true });
  await eventually('the withdrawal', async () => (await held()) === 2);
  t.is((await announced(lab)).length, 0);
  await new Promise(resolve => setTimeout(resolve, 500));
  t.is(await held(), 2, 'it drains');
  writePod(files, 'dns-0', { ready: false, terminating: true });
  await eventually('the removal', async () => (await held()) === 0);
});

test('a drain lasts as long as the pod requests', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { drain: { terminatingMs: 600_000 } });
  const annotations = { 'flock-anycast.io/drain-seconds': '0.4' };
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true, annotations });
  startAgent(lab.node, files);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  const started = performance.now();
  writePod(files, 'dns-0', { ready: true, terminating: true, annotations });
  await eventually('the removal', async () => {
    return (await announced(lab)).length === 0 && (await routesOf(lab.node, 71)).length === 0;
  });
  const lasted = performance.now() - started;
  // The configured drain time is longer than any test waits.
  t.true(lasted > 400, `${lasted} ms`);
});

test('a node that drains withdraws everything and still forwards; after the drain everything is announced again', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  const bgp = { localAsn: 64512, routerId: '192.0.2.11' };
  const held = async () => (await routesOf(lab.node, 71)).length;
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  writeFileSync(files.nodeConfig, JSON.stringify({ bgp }));
  startAgent(lab.node, files);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  writeFileAtomically(files.nodeConfig, JSON.stringify({ bgp, node: { draining: true } }));
  await eventually('the withdrawal', async () => (await held()) === 2);
  await new Promise(resolve => setTimeout(resolve, 500));
  t.is(await held(), 2);
  writeFileAtomically(files.nodeConfig, JSON.stringify({ bgp }));
  await eventually('the announcement', async () => (await announced(lab)).length === 2);
  t.is(await held(), 0);
});

test('with --withdraw-on-exit the agent drains everything and leaves no route', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { drain: { terminatingMs: 500 } });
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  const agent = startAgent(lab.node, files, [], ['--withdraw-on-exit']);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  const asked = performance.now();
  agent.child.kill('SIGTERM');
  await agent.logged('hold 192.0.2.53/32');
  await agent.logged('hold 2001:db8::53/128');
  t.is(await agent.exit, 0);
  const lasted = performance.now() - asked;
  t.true(lasted > 500, `${lasted} ms`);
  t.is((await announced(lab)).length + (await routesOf(lab.node, 71)).length, 0);
});

test("another owner's better route is reported once as a shadow, and its end too", async t => {
  const lab = await createNodeLab(t, 2);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { reconcile: { auditMs: 1000 } });
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  const agent = startAgent(lab.node, files);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  await lab.node.ip('route', 'add', '192.0.2.53/32', 'via', '10.1.2.2', 'metric', '5');
  await agent.logged('shadowed 192.0.2.53/32: packets go to interface p1');
  await lab.node.ip('route', 'del', '192.0.2.53/32', 'via', '10.1.2.2', 'metric', '5');
  await agent.logged('no longer shadowed 192.0.2.53/32');
  t.is((await announced(lab)).length, 2);
});

test('invalid files change no programmed route, and are reported', async t => {
  const lab = await createNodeLab(t, 1);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  const agent = startAgent(lab.node, files);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  // First truncated, as by a writer that does not rename, then half-written.
  writeFileSync(files.allocations, '');
  await new Promise(resolve => setTimeout(resolve, 200));
  writeFileSync(files.allocations, '{"version":1,');
  writeFileSync(join(files.pods, 'dns-0.json'), '{"kind":');
  await agent.logged(files.allocations);
  await agent.logged('dns-0.json');
  t.is((await announced(lab)).length, 2);
});

test('no route is removed before every source has been read: without an allocation file old routes stay', async t => {
  const lab = await createNodeLab(t, 1);
  await lab.node.ip('route', 'add', '192.0.2.53/32', 'via', '10.1.1.2', 'metric', '16', 'proto', '70');
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { reconcile: { tickMs: 100 } });
  const agent = startAgent(lab.node, files);
  await agent.logged(files.allocations);
  await new Promise(resolve => setTimeout(resolve, 500));
  t.is((await announced(lab)).length, 1);
  writeAllocations(files, []);
  await eventually('the stale route to go', async () => (await announced(lab)).length === 0);
});

test('a missing interface is reported, and its pod is served when the interface appears', async t => {
  const lab = await createNodeLab(t, 0);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  writeAllocations(files, [allocationOf(0)]);
  writePod(files, 'dns-0', { ready: true });
  const agent = startAgent(lab.node, files);
  await agent.logged('interface p0 does not exist');
  await lab.addPod(0);
  await eventually('routes', async () => (await announced(lab)).length === 2);
  t.is(agent.lines.filter(({ event }) => event?.includes('interface p0')).length, 1);
});

test('without CAP_NET_ADMIN the agent reports that and does not start', async t => {
  const lab = await createNodeLab(t, 0);
  const files = layOutAgent(join(lab.lab.dir, 'agent'));
  const agent = startAgent(lab.node, files, [
    'setpriv',
    '--bounding-set=-net_admin',
    '--inh-caps=-net_admin',
  ]);
  t.is(await agent.exit, 1);
  t.regex(agent.words.join('\n'), /FLOCK_NO_NET_ADMIN[\s\S]*remedy: .*CAP_NET_ADMIN/);
});

test('an invalid configuration is refused with its wrong keys, in one line and a remedy', async t => {
  const lab = await createNodeLab(t, 0);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { colour: 'red', routes: { metric: -1 } });
  const agent = startAgent(lab.node, files);
  t.is(await agent.exit, 1);
  t.is(agent.words.length, 2);
  t.regex(agent.words[0] ?? '', /agent\.json.*routes\.metric.*colour.*FLOCK_CONFIG_INVALID/);
});

test('a folder of pods that does not exist is in the error', async t => {
  const lab = await createNodeLab(t, 0);
  const files = layOutAgent(join(lab.lab.dir, 'agent'), { pods: { source: 'directory', path: '/nowhere' } });
  mkdirSync(files.folder, { recursive: true });
  writeAllocations(files, []);
  const agent = startAgent(lab.node, files);
  t.is(await agent.exit, 1);
  t.regex(agent.words.join('\n'), /\/nowhere/);
});
