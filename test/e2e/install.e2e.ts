/**
 * docs/install.md, followed to the letter: from an empty API server and nodes without anything to a pod's address at a
 * router. The test is the engine, the scheduler, the kubelet and the CNI; everything else is what the page says.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Administrator } from '../support/administrator.ts';
import { type BirdProcess, startBird } from '../support/bird.ts';
import { buildImage, type Image } from '../support/images.ts';
import type { ApiObject } from '../support/kube-api.ts';
import type { KubeApiServer } from '../support/kube-api-server.ts';
import { kubectlPath } from '../support/kubectl.ts';
import { Kubelet, type RunningPod } from '../support/kubelet.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';
import { routesOf } from '../support/node-lab.ts';
import { readPage } from '../support/page.ts';
import { watchRoutes } from '../support/route-watch.ts';
import { serverOfFile } from './file-server.ts';

const page = readPage('install.md');
const { dir, start } = serverOfFile(test, {
  async endFirst() {
    kubelet?.stop();
    await lab?.destroy();
  },
});
/** What the page announces, and where its nodes and router are. */
const address = '198.51.100.53';
const node = { name: 'node-a', address: '192.0.2.11/26' };
const router = { address: '192.0.2.1/26', asn: 64500, nodeAsn: 64512 };
/** What the router has to offer. */
const upstream = '203.0.113.0/24';
const podIP = '10.244.0.5';
const birdProtocol = 12;

let server: KubeApiServer;
let lab: Lab;
let host: Namespace;
let tor: Namespace;
let torBird: BirdProcess;
let administrator: Administrator;
let kubelet: Kubelet;
let agent: RunningPod;
let bird: RunningPod;
const images = new Map<string, Image>();

test.before(async t => {
  [server] = await Promise.all([start(t), buildImages()]);
  lab = await Lab.create();
  host = await lab.namespace('node');
  tor = await lab.namespace('router');
  await lab.link(host, 'uplink', tor, 'to-node');
  await host.configure('uplink', node.address);
  await tor.configure('to-node', router.address);
  await server.exposeIn(host);
  await server.request('POST', '/api/v1/nodes', { metadata: { name: node.name } });
  // What servers with a reconciler of endpoints keep there themselves.
  await server.request('POST', '/api/v1/namespaces/default/endpoints', {
    metadata: { name: 'kubernetes' },
    subsets: [{ addresses: [{ ip: '192.0.2.62' }], ports: [{ port: 6443 }] }],
  });
  administrator = new Administrator(join(dir, 'administrator'), page.blocks, {
    kubeconfig: server.kubeconfigPath,
    kubectl: await kubectlPath('sid'),
    packageFolder: join(dir, 'images/agent/opt/flock-anycast'),
  });
  kubelet = new Kubelet({ server, node: node.name, network: host, images });
  torBird = await startBird(tor, { name: 'tor', config: routerConfig() });
});

/** What the page's `docker build` lines would build, under the names they give it. */
async function buildImages(): Promise<void> {
  // The block after them writes the same by buildah: test/machines/image.machine.ts.
  const [docker = ''] = blocks(1);
  const lines = docker.trimEnd().split('\n');
  for (const line of lines) {
    const [, stage = '', name = ''] =
      /^docker build -f deploy\/Dockerfile --target (\S+) -t (\S+) \.$/.exec(line) ?? [];
    images.set(name, await buildImage(stage, join(dir, 'images', stage)));
  }
}

/** The shell commands of a section. */
const blocks = (section: number) =>
  page.blocks.filter(each => each.section === section && each.language === 'sh').map(({ text }) => text);

function routerConfig(): string {
  return `log stderr all;
router id 192.0.2.1;
timeformat protocol iso long ms;
protocol device {}
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol static { ipv4; route ${upstream} unreachable; }
protocol bgp node_a {
  local 192.0.2.1 as ${router.asn};
  neighbor 192.0.2.11 as ${router.nodeAsn};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  graceful restart on;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export none; };
}
`;
}

const daemonSet = (name: string): Promise<ApiObject> =>
  server.request('GET', `/apis/apps/v1/namespaces/flock-anycast/daemonsets/${name}`);
const runAgent = async () => kubelet.run(await daemonSet('flock-anycast'));
const runBird = async () => kubelet.run(await daemonSet('flock-anycast-bird'));

test.serial(
  'the images are made, and the nodes have their sysctls but for the two of the init container',
  async t => {
    t.is(images.size, 2);
    const sysctls = page.blocks.filter(({ section, language }) => section === 2 && language === '');
    const lines = sysctls.flatMap(({ text }) => text.trimEnd().split('\n'));
    t.is(lines.length, 5);
    for (const line of lines.slice(0, -2))
      await host.exec('sysctl', '-qw', line.replaceAll(' ', '').replace('eth0', 'uplink'));
  },
);

test.serial('kubectl applies the overlay, and its pods run and wait', async t => {
  for (const commands of blocks(3)) await administrator.follow(commands);
  await eventually('the custom resources to be served', () =>
    administrator.follow('kubectl get anc,apool').then(() => true),
  );
  bird = await runBird();
  agent = await runAgent();
  for (const family of ['ipv4', 'ipv6']) {
    t.is(await host.exec('sysctl', '-n', `net.${family}.fib_multipath_hash_policy`), '1\n');
  }
  await agent.container.said('in sync');
  await t.throwsAsync(stat(kubelet.hostPath('/run/flock-anycast/bird/bird.conf')), { code: 'ENOENT' });
});

test.serial('the agent has NET_ADMIN and nothing else, for good', async t => {
  const { CapPrm, CapEff, CapBnd, CapInh, CapAmb, NoNewPrivs, Uid } = await agent.container.status();
  const netAdmin = (1 << 12).toString(16).padStart(16, '0');
  t.deepEqual([CapPrm, CapEff, CapBnd], [netAdmin, netAdmin, netAdmin]);
  t.deepEqual([CapInh, CapAmb], ['0'.repeat(16), '0'.repeat(16)]);
  t.is(NoNewPrivs, '1');
  t.regex(Uid ?? '', /^0\t0\t/);
});

test.serial(
  'resources that pass check-config give node and router a session and the node its routes',
  async t => {
    let said = '';
    for (const commands of blocks(4)) said += await administrator.follow(commands);
    t.log(said);
    await agent.ready();
    await bird.ready();
    await eventually('the session', async () =>
      /Established/.test(await torBird.command('show protocols node_a')),
    );
    await eventually("the router's routes in the node's kernel", async () =>
      (await host.ip('route', 'show', upstream, 'proto', `${birdProtocol}`)).includes('via 192.0.2.1 '),
    );
    t.pass();
  },
);

test.serial("a pod's address is announced to the router, and packets to it are answered", async t => {
  for (const commands of blocks(5)) await administrator.follow(commands);
  await server.bindPod('dns-1', node.name, { namespace: 'dns' });
  const { spec } = await server.request('GET', '/api/v1/namespaces/dns/pods/dns-1');
  const pod = await lab.namespace('dns-1');
  await lab.link(host, 'dns-1', pod, 'eth0');
  await pod.configure('eth0', `${podIP}/32`);
  await pod.ipBatch(['route add 192.0.2.11 dev eth0', 'route add default via 192.0.2.11']);
  await host.ipBatch(['link set dns-1 up', `route add ${podIP} dev dns-1`]);
  for (const { command } of spec.initContainers) await pod.exec(command[0], ...command.slice(1));
  const echo = `require('dgram').createSocket('udp4').bind(53, '${address}')
    .on('message', function (text, { port, address }) { this.send(text, port, address) })`;
  pod.spawn(process.execPath, ['-e', echo]);
  await server.setPodReady('dns-1', true, { namespace: 'dns', podIPs: [podIP] });

  const expected = `${address}/32`;
  await eventually('the route of the page', async () => {
    const [command = ''] = /`(ip route show proto 70)`/.exec(page.text)?.slice(1) ?? [];
    return (await host.exec('sh', '-c', command)).includes(address);
  });
  await eventually('the route at the router', async () =>
    (await routesOf(tor, birdProtocol)).some(({ destination }) => destination === expected),
  );
  t.is(await ask(), 'are you there');
});

/** Sends a datagram to the address from the router, and gives the answer. */
async function ask(): Promise<string> {
  const question = `const socket = require('dgram').createSocket('udp4');
    socket.on('message', text => { process.stdout.write(text); socket.close(); });
    const send = () => socket.send('are you there', 53, '${address}');
    send(); setInterval(send, 200).unref(); setTimeout(() => process.exit(1), 10000).unref();`;
  return await tor.exec(process.execPath, '-e', question);
}

/** When the router's session last changed its state, as its BIRD tells. */
async function sessionSince(): Promise<string> {
  const table = await torBird.command('show protocols node_a');
  return /node_a\s+BGP\s+\S+\s+\S+\s+(.*?)\s+Established/.exec(table)?.[1] ?? `no session: ${table}`;
}

test.serial('an update of the agent drops no BGP session and no route', async t => {
  const since = await sessionSince();
  const watch = watchRoutes(tor, [birdProtocol]);
  t.teardown(() => watch.stop());
  t.is(await agent.stop(), 0);
  agent = await runAgent();
  await agent.ready();
  await agent.container.kill('KILL');
  await agent.container.exit;
  t.is(await ask(), 'are you there', 'while there is no agent');
  agent = await runAgent();
  await agent.ready();
  t.deepEqual(watch.seen, []);
  t.is(await sessionSince(), since);
  // What the next agent has to know of this one outlives its container.
  await t.notThrowsAsync(stat(kubelet.hostPath('/var/lib/flock-anycast/state.json')));
});

test.serial("an update of BIRD's DaemonSet takes no route from the router", async t => {
  const watch = watchRoutes(tor, [birdProtocol]);
  t.teardown(() => watch.stop());
  const since = await sessionSince();
  t.is(await bird.stop(), 0);
  t.is(await ask(), 'are you there', 'while there is no BIRD');
  bird = await runBird();
  await bird.ready();
  await eventually('a new session', async () => !/^no session/.test(await sessionSince()));
  t.not(await sessionSince(), since);
  // It was told the route again, and has dropped what it was not told again.
  await eventually('the end of the graceful restart', async () => {
    const told = await torBird.command('show protocols all node_a');
    return /Import updates: +2 /.test(told) && !told.includes('Neighbor graceful restart active');
  });
  t.deepEqual(
    watch.seen.filter(({ gone }) => gone),
    [],
  );
  t.deepEqual(
    (await routesOf(tor, birdProtocol)).map(({ destination }) => destination),
    [`${address}/32`],
  );
});
