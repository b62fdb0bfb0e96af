import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { BirdControl } from '../../lib/bird/control.ts';
import { ExportAudit } from '../../lib/bird/export-audit.ts';
import { SessionWatch } from '../../lib/bird/session-watch.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import type { BirdProcess } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { gateways, kernelRoutes } from './fabric.ts';
import { four, type Pair, pair, reaches, six } from './pair.ts';

const routerPeer = 'neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };';

async function watched(t: ExecutionContext, bird: BirdProcess, peer: object, announced: string[]) {
  const control = await BirdControl.open(bird.socketPath);
  t.teardown(() => control.close());
  const { bgp } = parseNodeConfig(
    JSON.stringify({
      bgp: { localAsn: 65001, routerId: '10.0.0.2', peers: [{ name: 'tor-1', asn: 65000, ...peer }] },
    }),
    'test',
  );
  const lines: { code?: string; msg?: string }[] = [];
  const query = (command: string) => control.ask(command);
  const peers = () => bgp.peers;
  const watch = new SessionWatch({
    query,
    peers,
    announced: () => new Set(announced),
    kernelExport: true,
    clock: { after: () => () => {} },
    everyMs: 1000,
    log: pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }),
  });
  const logged = () => lines.map(({ code, msg }) => `${code}: ${msg}`);
  return { watch, logged, audit: new ExportAudit({ query, peers }) };
}

/** Waits until a check has logged `count` lines, and gives them. */
async function told({ watch, logged }: Awaited<ReturnType<typeof watched>>, count: number) {
  await eventually(`${count} line(s)`, async () => {
    await watch.check();
    return logged().length >= count;
  });
  await watch.check();
  return logged();
}

test('a family that the peer has not negotiated is named once, and is no difference of exports', async t => {
  const one = await pair(t);
  const peer = { address: '10.0.0.1', families: ['ipv4', 'ipv6'] };
  const { node } = await one.start(peer, routerPeer);
  await reaches(one.router, four, '10.0.0.2');
  const session = await watched(t, node, peer, [four, six]);
  t.deepEqual(await told(session, 1), [
    'BIRD_FAMILY_NOT_NEGOTIATED: peer tor-1 has not negotiated ipv6: it gets none of its destinations',
  ]);
  t.is(session.watch.problems().length, 1);
  for (let check = 0; check < 3; check++) {
    t.deepEqual(await session.audit.check(() => new Set([four, six])), { missing: [], extra: [] });
  }
  await node.command("disable 'peer_tor-1'");
  t.regex((await told(session, 2)).at(-1) ?? '', /no longer so: peer tor-1 has not negotiated ipv6/);
  t.deepEqual(session.watch.problems(), []);
});

const many = (count: number) =>
  `protocol static { ipv4; ${Array.from({ length: count }, (_, at) => `route 198.18.${at}.0/24 unreachable;`).join(' ')} }`;

const imported = async ({ node }: Pair) =>
  (await node.ipJson<{ dst: string }[]>('-4', 'route', 'show', 'proto', 'bird')).length;

test('of a peer that sends too many routes as many as the limit go to the kernel, and the session stays', async t => {
  const one = await pair(t);
  const peer = { address: '10.0.0.1', importLimit: 20 };
  const { node } = await one.start(peer, routerPeer, many(50));
  const session = await watched(t, node, peer, [four]);
  t.deepEqual(await told(session, 1), [
    'BIRD_IMPORT_LIMIT_REACHED: peer tor-1 sends more than 20 ipv4 routes: the others are not imported',
  ]);
  await eventually('20 routes', async () => (await imported(one)) === 20);
  t.deepEqual(await gateways(one.router, four), ['10.0.0.2'], 'ours are announced');
  t.regex(await node.command('show protocols'), /peer_tor-1 .*Established/);
});

const aDefault = 'protocol static { ipv4; route 0.0.0.0/0 unreachable; }';

test("a default route of a peer is told once, with the key that forbids it, and the key keeps the node's own", async t => {
  for (const importDefaultRoute of [true, false]) {
    const one = await pair(t);
    await one.node.ip('route', 'add', 'default', 'via', '10.0.0.254', 'metric', '1024');
    const peer = { address: '10.0.0.1', importDefaultRoute };
    const { node } = await one.start(peer, routerPeer, aDefault);
    await eventually('the routes', async () => (await imported(one)) === (importDefaultRoute ? 2 : 1));
    const session = await watched(t, node, peer, [four]);
    const defaults = await kernelRoutes(one.node, 'default');
    t.deepEqual(
      defaults.map(({ metric, gateway }) => `${gateway} ${metric}`),
      importDefaultRoute ? ['10.0.0.1 32', '10.0.0.254 1024'] : ['10.0.0.254 1024'],
    );
    if (!importDefaultRoute) await session.watch.check();
    const lines = importDefaultRoute ? await told(session, 1) : session.logged();
    t.is(lines.length, importDefaultRoute ? 1 : 0);
    if (importDefaultRoute)
      t.regex(lines[0] ?? '', /BIRD_DEFAULT_ROUTE_IMPORTED: .*`importDefaultRoute: false`/);
  }
});

test('destinations of a family that no peer carries are named once', async t => {
  const one = await pair(t);
  const peer = { address: '10.0.0.1' };
  const { node } = await one.start(peer, routerPeer);
  const session = await watched(t, node, peer, [four, six]);
  t.deepEqual(await told(session, 1), [
    'BIRD_NO_PEER_FOR_FAMILY: no peer for IPv6: its destinations are routed here and announced to nobody',
  ]);
});

test('a link-local peer that is sent no global next hop is named once, and is no fault that stands', async t => {
  const one = await pair(t, { addresses: false });
  const peer = { address: 'fe80::1', interface: 'eth.0' };
  const { node } = await one.start(
    peer,
    'neighbor fe80::2%cable as 65001; ipv6 { import all; export all; };',
  );
  const session = await watched(t, node, peer, [six]);
  const [line, ...more] = await told(session, 1);
  t.regex(line ?? '', /^BIRD_NO_GLOBAL_NEXT_HOP: peer tor-1 is sent :: as global next hop of ipv6/);
  t.deepEqual([more, session.watch.problems()], [[], []]);
});
