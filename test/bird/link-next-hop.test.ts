import test from 'ava';
import { LinkAddresses } from '../../lib/bird/link-next-hop.ts';
import { renderBirdConfig } from '../../lib/bird/render.ts';
import { parseNodeConfig } from '../../lib/config/node-config.ts';
import { startBird } from '../support/bird.ts';
import { startFrr } from '../support/frr.ts';
import { eventually, Lab } from '../support/lab.ts';
import { routes } from './fabric.ts';

const nodeConfig = parseNodeConfig(
  JSON.stringify({
    bgp: {
      localAsn: 65001,
      routerId: '10.0.0.2',
      peers: [{ name: 'tor', address: 'fe80::1', interface: 'eth0', asn: 65000 }],
    },
    advertise: { prefixes: ['2001:db8:53::/64'] },
  }),
  'test',
);

const frrConfig = `router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor fe80::2 remote-as 65001
 neighbor fe80::2 interface cable
 neighbor fe80::2 timers connect 1
 address-family ipv6 unicast
  neighbor fe80::2 activate
 exit-address-family
`;

test('FRR, as a link-local peer, gets the global next hop where the link has one, and a usable one where not', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  const node = await lab.namespace('node');
  const router = await lab.namespace('router');
  await lab.link(node, 'eth0', router, 'cable');
  for (const [host, end] of [
    [node, 'eth0'],
    [router, 'cable'],
  ] as const)
    await host.ip('link', 'set', end, 'addrgenmode', 'none');
  await node.configure('eth0', 'fe80::2/64', 'fd00::2/64');
  await router.configure('cable', 'fe80::1/64', 'fd00::1/64');
  const frr = await startFrr(router, frrConfig);
  for (const [address, nextHop] of [
    ['fd00::2', 'fd00::2'],
    [undefined, '::'],
  ] as const) {
    const config = renderBirdConfig({
      nodeConfig,
      mode: 'learn',
      routes,
      kernelExport: true,
      active: [],
      passwords: new Map(),
      linkAddresses: address === undefined ? new Map() : new Map([['eth0', address]]),
    });
    const bird = await startBird(node, { name: 'node', config });
    await eventually(`${nextHop} at FRR, and the route in its kernel`, async () => {
      const [kernel] = await router.ipJson<{ gateway: string }[]>('-6', 'route', 'show', '2001:db8:53::/64');
      const shown = await frr.command('show bgp ipv6 unicast 2001:db8:53::/64');
      return kernel?.gateway === 'fe80::2' && shown.includes(`${nextHop} from fe80::2`);
    });
    await bird.stop();
    await eventually('the route is gone', async () =>
      (await frr.command('show bgp ipv6 unicast')).includes('No BGP'),
    );
  }
  t.pass();
});

test('the address of a link stands while the link is down, and is another one when it has another', t => {
  const entry = (address: string, length = 64) => ({
    address,
    family: 'IPv6' as const,
    cidr: `${address}/${length}`,
    netmask: '',
    mac: '',
    internal: false,
    scopeid: 0,
  });
  let interfaces: Parameters<typeof LinkAddresses.prototype.of>[0] | object = {};
  const addresses = new LinkAddresses(() => interfaces as never);
  const now = (eth0?: ReturnType<typeof entry>[]) => {
    interfaces = eth0 === undefined ? {} : { eth0 };
    return addresses.of(nodeConfig.bgp.peers).get('eth0');
  };
  t.is(now(), undefined);
  t.is(now([entry('fe80::2'), entry('2001:db8::53', 128), entry('fd00::3'), entry('fd00::2')]), 'fd00::2');
  t.is(now(), 'fd00::2');
  t.is(now([entry('fe80::2')]), undefined);
});

test('BIRD 2.17 and newer are told the form of the next hop where the link has no global address', t => {
  const text = (birdVersion: string) =>
    renderBirdConfig({
      nodeConfig,
      mode: 'learn',
      routes,
      kernelExport: true,
      active: [],
      passwords: new Map(),
      birdVersion,
    });
  t.regex(text('2.20.0'), /link local next hop format double;/);
  t.notRegex(text('2.0.12'), /link local next hop/);
});
