/**
 * What the two containers of deploy/base use on a full node, for the requests in their manifests:
 *
 *     scripts/in-sandbox node test/e2e/measure-use.ts [PODS=500] [SECONDS=30]
 *
 * The images' trees run as the manifests say, on a real API server, with a BGP peer that takes everything. Each pod
 * is annotated with an IPv4 and an IPv6 address of its own. Prints, for the agent and for BIRD: resident memory and
 * its peak, and the share of a core at rest and while ten pods a second change their readiness.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBird } from '../support/bird.ts';
import { buildImage } from '../support/images.ts';
import { type KubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';
import { Kubelet, type RunningPod } from '../support/kubelet.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';
import { baseManifests } from '../support/manifests.ts';
import { routesOf } from '../support/node-lab.ts';

const [podCount = 500, seconds = 30] = process.argv.slice(2).map(Number);
const flipsASecond = 10;
/** USER_HZ, of which /proc/PID/stat counts CPU time in hundredths of a second (proc(5)). */
const ticksASecond = 100;
const node = 'node-a';

const pods = Array.from({ length: podCount }, (_, index) => ({
  name: `pod-${index}`,
  interface: `v${index}`,
  podIPs: [`10.244.${index >> 8}.${index & 255}`, `fd00:244::${(index + 1).toString(16)}`],
  addresses: `198.18.${index >> 8}.${index & 255},2001:db8:53::${(index + 1).toString(16)}`,
}));
const podIPs = new Map(pods.map(each => [each.name, each.podIPs]));

const routerConfig = `log stderr all;
router id 192.0.2.1;
protocol device {}
protocol bgp node_a {
  local 192.0.2.1 as 64500;
  neighbor 192.0.2.11 as 64512;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export none; };
  ipv6 { import all; export none; };
}
`;

/** Seconds of a core that a process has used since it began. */
async function cpu({ container }: RunningPod): Promise<number> {
  const stat = readFileSync(`/proc/${await container.pid()}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / ticksASecond;
}

async function prepare(server: KubeApiServer, lab: Lab): Promise<{ host: Namespace; router: Namespace }> {
  const [host, router, sandboxes] = [
    await lab.namespace('node'),
    await lab.namespace('router'),
    await lab.namespace('pods'),
  ];
  await lab.link(host, 'uplink', router, 'to-node');
  await host.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  await host.configure('uplink', '192.0.2.11/26', 'fd00:fe::11/64');
  await router.configure('to-node', '192.0.2.1/26', 'fd00:fe::1/64');
  await host.ipBatch(
    pods.flatMap(each => [
      `link add ${each.interface} type veth peer name ${each.interface} netns ${sandboxes.name}`,
      `link set ${each.interface} up`,
      ...each.podIPs.map(address => `route add ${address} dev ${each.interface}`),
    ]),
  );
  await sandboxes.ipBatch(pods.map(each => `link set ${each.interface} up`));
  await server.exposeIn(host);
  for (const manifest of baseManifests()) await server.apply(manifest);
  const apiVersion = 'anycast.flock-anycast.io/v1alpha1';
  await eventually('the custom resources', () => server.request('GET', `/apis/${apiVersion}/nodeconfigs`));
  await server.request('POST', '/api/v1/nodes', { metadata: { name: node } });
  await server.apply({
    ...{ apiVersion, kind: 'NodeConfig', metadata: { name: 'default' } },
    spec: {
      reserved: [],
      bgp: {
        ...{ localAsn: 64512, routerId: '192.0.2.11' },
        peers: [{ name: 'tor', address: '192.0.2.1', asn: 64500, families: ['ipv4', 'ipv6'] }],
      },
    },
  });
  await server.apply({
    ...{ apiVersion, kind: 'AnycastPool', metadata: { name: 'all' } },
    spec: { cidrs: ['198.18.0.0/15', '2001:db8:53::/64'], namespaces: { names: ['default'] } },
  });
  for (const { name, addresses } of pods) {
    await server.createPod(node, name, { annotations: { 'flock-anycast.io/addresses': addresses } });
    await server.setPodReady(name, true, { podIPs: podIPs.get(name) ?? [] });
  }
  return { host, router };
}

async function measure(server: KubeApiServer, lab: Lab, dir: string): Promise<void> {
  const images = new Map(
    await Promise.all(
      (['agent', 'bird'] as const).map(async stage => {
        const name = stage === 'agent' ? 'flock-anycast:0.1.0' : 'flock-anycast-bird:0.1.0';
        return [name, await buildImage(stage, join(dir, stage))] as const;
      }),
    ),
  );
  const { host, router } = await prepare(server, lab);
  const tor = await startBird(router, { name: 'tor', config: routerConfig });
  const kubelet = new Kubelet({ server, node, network: host, images });
  try {
    const daemonSets = baseManifests().filter(({ kind }) => kind === 'DaemonSet');
    const running = new Map<string, RunningPod>();
    for (const each of daemonSets) {
      running.set(each.metadata.labels['app.kubernetes.io/component'], await kubelet.run(each));
    }
    await eventually('all routes', async () => (await routesOf(host, 70)).length === 2 * podCount, {
      timeoutMs: 120_000,
      intervalMs: 500,
    });
    await eventually(
      'the peer to have them',
      async () =>
        (await tor.command('show route count')).includes(`${2 * podCount} of ${2 * podCount} routes`),
      { timeoutMs: 120_000 },
    );
    const used = async (act: () => Promise<void>) => {
      const before = await Promise.all([...running.values()].map(cpu));
      const start = performance.now();
      await act();
      const elapsed = (performance.now() - start) / 1000;
      const after = await Promise.all([...running.values()].map(cpu));
      return after.map((value, index) => (((value - (before[index] ?? 0)) / elapsed) * 1000).toFixed(0));
    };
    const rest = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
    await rest(5000);
    const atRest = await used(async () => void (await rest(seconds * 1000)));
    const flipping = await used(async () => {
      for (let flip = 0; flip < seconds * flipsASecond; flip++) {
        const { name } = pods[(flip >> 1) % podCount] as (typeof pods)[0];
        const due = rest(1000 / flipsASecond);
        await server.setPodReady(name, flip % 2 === 1);
        await due;
      }
    });
    let index = 0;
    for (const [name, { container }] of running) {
      const { VmRSS, VmHWM } = await container.status();
      console.log(
        `${name}: ${VmRSS} resident, ${VmHWM} at most; ${atRest[index]} m at rest, ${flipping[index]} m at ` +
          `${flipsASecond} flips a second (${podCount} pods, ${2 * podCount} destinations)`,
      );
      index++;
    }
  } finally {
    kubelet.stop();
  }
}

const dir = mkdtempSync(join(tmpdir(), 'flock-use-'));
const lab = await Lab.create();
const server = await startKubeApiServer({ dir });
try {
  await measure(server, lab, dir);
} finally {
  await lab.destroy();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
}
