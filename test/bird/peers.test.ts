import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readPasswords } from '../../lib/bird/passwords.ts';
import { renderBirdConfig } from '../../lib/bird/render.ts';
import { parseNodeConfig } from '../../lib/sources/node-config.ts';
import { startBird } from '../support/bird.ts';
import { eventually, Lab, type Namespace } from '../support/lab.ts';
import { established, gateways, kernelRoutes, routes } from './fabric.ts';

const four = '192.0.2.53/32';
const six = '2001:db8::53/128';

interface Pair {
  lab: Lab;
  node: Namespace;
  router: Namespace;
  start(peer: object, routerPeer: string): Promise<void>;
}

/** Two hosts on one link; `eth.0` on the node has a dot, as VLAN interfaces have. */
async function pair(t: ExecutionContext, addresses = true): Promise<Pair> {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const router = await lab.namespace('router');
  const pod = await lab.namespace('pod');
  await lab.link(node, 'eth.0', router, 'cable');
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
    start: async (peer, routerPeer) => {
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
      });
      await startBird(router, {
        name: 'router',
        config: `router id 10.0.0.1;
protocol device { }
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
    },
  };
}

const reaches = (router: Namespace, prefix: string, gateway: string) =>
  eventually(`${prefix} via ${gateway}`, async () => String(await gateways(router, prefix)) === gateway);

test('a link-local peer on an interface', async t => {
  const { node, router, start } = await pair(t);
  await start(
    { address: 'fe80::1', interface: 'eth.0' },
    'neighbor fe80::2%cable as 65001; ipv6 { import all; export all; };',
  );
  await reaches(router, six, 'fe80::2');
  await reaches(node, '2001:db8:113::/48', 'fe80::1');
  t.deepEqual(await kernelRoutes(router, four), [], 'the default family is the address’s own');
});

test('extended next hop: IPv4 over a link that has no IPv4 address', async t => {
  const { node, router, start } = await pair(t, false);
  await start(
    { address: 'fe80::1', interface: 'eth.0', extendedNextHop: true },
    `neighbor fe80::2%cable as 65001;
     ipv4 { import all; export all; extended next hop on; };
     ipv6 { import all; export all; };`,
  );
  await reaches(router, six, 'fe80::2');
  const [route] = await eventually('IPv4 via IPv6', async () => {
    const found = await kernelRoutes(router, four);
    return found.length > 0 && found;
  });
  t.like(route, { via: { family: 'inet6', host: 'fe80::2' }, dev: 'cable' });
  await eventually('and back', async () => (await kernelRoutes(node, '203.0.113.0/24')).length === 1);
});

test('both families over one IPv4 session', async t => {
  const { router, start } = await pair(t);
  await start(
    { address: '10.0.0.1', families: ['ipv6', 'ipv4'] },
    `neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; }; ipv6 { import all; export all; };`,
  );
  await reaches(router, four, '10.0.0.2');
  await reaches(router, six, 'fd00::2');
  t.pass();
});

test('a passive node waits for its peer', async t => {
  const { router, start } = await pair(t);
  await start(
    { address: '10.0.0.1', passive: true },
    'neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
  );
  await reaches(router, four, '10.0.0.2');
  t.pass();
});

test('iBGP: the peer has our own ASN', async t => {
  const { router, start } = await pair(t);
  await start(
    { address: '10.0.0.1', asn: 65001 },
    'local as 65001; direct; neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
  );
  await reaches(router, four, '10.0.0.2');
  t.pass();
});

test('another port', async t => {
  const { router, start } = await pair(t);
  await start(
    { address: '10.0.0.1', port: 1790 },
    'local port 1790; passive; neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
  );
  await reaches(router, four, '10.0.0.2');
  t.pass();
});

test('a peer some hops away', async t => {
  const { node, router, start } = await pair(t);
  await router.ip('addr', 'add', '10.9.9.1/32', 'dev', 'lo');
  await node.ip('addr', 'add', '10.9.9.2/32', 'dev', 'lo');
  await node.ip('route', 'add', '10.9.9.1/32', 'via', '10.0.0.1');
  await router.ip('route', 'add', '10.9.9.2/32', 'via', '10.0.0.2');
  await start(
    { address: '10.9.9.1', multihop: 2 },
    'multihop 2; source address 10.9.9.1; neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
  );
  await reaches(router, four, '10.9.9.2').catch(() => undefined);
  t.deepEqual(
    await kernelRoutes(node, '203.0.113.0/24'),
    [],
    'no next hop on a link: no route, not an unreachable one',
  );
});

test('a TCP MD5 password from its file', async t => {
  const { lab, router, start } = await pair(t);
  const passwordFile = join(lab.dir, 'password');
  writeFileSync(passwordFile, "{s3cr;t} # \\ '\n", { mode: 0o600 });
  await start(
    { address: '10.0.0.1', passwordFile },
    `password "{s3cr;t} # \\ '"; neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };`,
  );
  await reaches(router, four, '10.0.0.2');
  t.pass();
});
