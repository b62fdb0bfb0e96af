import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../support/lab.ts';
import { kernelRoutes } from './fabric.ts';
import { four, pair, reaches, six } from './pair.ts';

test('a link-local peer on an interface', async t => {
  const { node, router, start } = await pair(t);
  await start(
    { address: 'fe80::1', interface: 'eth.0' },
    'neighbor fe80::2%cable as 65001; ipv6 { import all; export all; };',
  );
  await reaches(router, six, 'fd00::2');
  await reaches(node, '2001:db8:113::/48', 'fe80::1');
  t.deepEqual(await kernelRoutes(router, four), [], 'the default family is the address’s own');
});

test('extended next hop: IPv4 over a link that has no IPv4 address', async t => {
  const { node, router, start } = await pair(t, { addresses: false });
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

test('a passive node waits until its peer connects', async t => {
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

test('a multihop peer', async t => {
  const { node, router, start } = await pair(t);
  await router.ip('addr', 'add', '10.9.9.1/32', 'dev', 'lo');
  await node.ip('addr', 'add', '10.9.9.2/32', 'dev', 'lo');
  await node.ip('route', 'add', '10.9.9.1/32', 'via', '10.0.0.1');
  await router.ip('route', 'add', '10.9.9.2/32', 'via', '10.0.0.2');
  await start(
    { address: '10.9.9.1', multihop: 2 },
    'multihop 2; source address 10.9.9.1; neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
    'protocol direct { ipv4; }',
  );
  await reaches(router, four, '10.0.0.2');
  t.deepEqual(
    await kernelRoutes(node, '203.0.113.0/24'),
    [],
    'no next hop on a link: no route, not an unreachable one',
  );
});

test('communities, standard and large, are added to what is announced, and to nothing else', async t => {
  const { router, start } = await pair(t);
  const birds = await start(
    { address: '10.0.0.1', communities: ['64512:100', '64512:1:2'] },
    'neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
  );
  await reaches(router, four, '10.0.0.2');
  const learned = await birds.router.command(`show route all for ${four}`);
  t.regex(learned, /BGP\.community: \(64512,100\)\n/);
  t.regex(learned, /BGP\.large_community: \(64512, 1, 2\)\n/);
  const exported = await birds.node.command("show route export 'peer_tor-1'");
  t.deepEqual(
    exported.match(/^\d\S+/gm),
    [four],
    'the filter differs from that of other peers only in the communities',
  );
});

test('the session uses the configured source address', async t => {
  const { node, router, start } = await pair(t);
  await node.ip('addr', 'add', '10.0.0.9/24', 'dev', 'eth.0');
  await start(
    { address: '10.0.0.1', sourceAddress: '10.0.0.9' },
    'neighbor 10.0.0.9 as 65001; ipv4 { import all; export all; };',
  );
  await reaches(router, four, '10.0.0.9');
  t.pass();
});

for (const [words, gracefulRestart, told] of [
  ['by default for 30 seconds', {}, /Restart time: 30\n/],
  ['for the configured time', { seconds: 120 }, /Restart time: 120\n/],
  ['not at all when it is off', { enabled: false }, undefined],
] as const) {
  test(`graceful restart is offered ${words}`, async t => {
    const { start } = await pair(t);
    const birds = await start(
      { address: '10.0.0.1', gracefulRestart },
      'neighbor 10.0.0.2 as 65001; ipv4 { import all; export all; };',
    );
    const offered =
      (await birds.router.command('show protocols all')).split('Neighbor capabilities')[1] ?? '';
    if (told === undefined) t.notRegex(offered, /Graceful restart/);
    else t.regex(offered, told);
  });
}

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
