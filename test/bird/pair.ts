/** A node and its router, each with a real BIRD, for tests of one session. */
import type { ExecutionContext } from 'ava';
import { readPasswords } from '../../lib/bird/passwords.ts';
import { renderBirdConfig } from '../../lib/bird/render.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { type BirdProcess, birdVersion, startBird } from '../support/bird.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';
import { established, gateways, routes } from './fabric.ts';

export const four = '192.0.2.53/32';
export const six = '2001:db8::53/128';

export interface Pair {
  lab: Lab;
  node: Namespace;
  router: Namespace;
  /** Starts both BIRDs, waits for the session, and adds a route of ours in each family. */
  start(
    peer: object,
    routerPeer: string,
    routerMore?: string,
  ): Promise<{ node: BirdProcess; router: BirdProcess }>;
  /** Drops every frame between the two while both links stay up; only with `switched`. */
  cut(): Promise<unknown>;
}

interface PairOptions {
  /** Whether the link has addresses beside the link-local ones. */
  addresses?: boolean;
  /** A switch stands between the two. */
  switched?: boolean;
}

/** Two hosts on one link; `eth.0` on the node has a dot, as VLAN interfaces have. */
export async function pair(
  t: ExecutionContext,
  { addresses = true, switched = false }: PairOptions = {},
): Promise<Pair> {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const router = await lab.namespace('router');
  const pod = await lab.namespace('pod');
  const between = await lab.namespace('switch');
  if (switched) {
    await between.ip('link', 'add', 'br0', 'type', 'bridge');
    for (const [host, end] of [
      [node, 'eth.0'],
      [router, 'cable'],
    ] as const) {
      await lab.link(host, end, between, host.role);
      await between.ipBatch([`link set ${host.role} master br0`, `link set ${host.role} up`]);
    }
    await between.ip('link', 'set', 'br0', 'up');
  } else {
    await lab.link(node, 'eth.0', router, 'cable');
  }
  await lab.link(node, 'pod0', pod, 'eth0');
  await node.ip('link', 'set', 'eth.0', 'addrgenmode', 'none');
  await router.ip('link', 'set', 'cable', 'addrgenmode', 'none');
  await node.configure('eth.0', 'fe80::2/64', ...(addresses ? ['10.0.0.2/24', 'fd00::2/64'] : []));
  await router.configure('cable', 'fe80::1/64', ...(addresses ? ['10.0.0.1/24', 'fd00::1/64'] : []));
  await node.configure('pod0', '10.1.0.1/24', 'fd01::1/64');
  await pod.configure('eth0', '10.1.0.2/24', 'fd01::2/64');
  return {
    lab,
    node,
    router,
    cut: () => between.ip('link', 'set', 'br0', 'down'),
    start: async (peer, routerPeer, routerMore = '') => {
      const nodeConfig = parseNodeConfig(
        JSON.stringify({
          bgp: { localAsn: 65001, routerId: '10.0.0.2', peers: [{ name: 'tor-1', asn: 65000, ...peer }] },
        }),
        'test',
      );
      const passwords = readPasswords(nodeConfig);
      const config = renderBirdConfig({
        nodeConfig,
        mode: 'learn',
        routes,
        kernelExport: true,
        active: [],
        passwords,
        birdVersion: birdVersion(),
        linkAddresses: addresses ? new Map([['eth.0', 'fd00::2']]) : new Map(),
      });
      const routerBird = await startBird(router, {
        name: 'router',
        config: `router id 10.0.0.1;
protocol device { }
${routerMore}
protocol kernel { ipv4 { export all; }; }
protocol kernel { ipv6 { export all; }; }
protocol static { ipv4; route 203.0.113.0/24 unreachable; }
protocol static { ipv6; route 2001:db8:113::/48 unreachable; }
protocol bgp {
  local as 65000;
  connect delay time 1; error wait time 1, 2;
  ${routerPeer}
}
`,
      });
      const bird = await startBird(node, { name: 'node', config });
      await established(bird, 1);
      await node.ip('route', 'add', four, 'via', '10.1.0.2', 'metric', '16', 'proto', '70');
      await node.ip('route', 'add', six, 'via', 'fd01::2', 'metric', '16', 'proto', '70');
      return { node: bird, router: routerBird };
    },
  };
}

export const reaches = (router: Namespace, prefix: string, gateway: string) =>
  eventually(`${prefix} via ${gateway}`, async () => String(await gateways(router, prefix)) === gateway);
