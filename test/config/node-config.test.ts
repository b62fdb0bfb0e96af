import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FlockError } from '../../lib/base/errors.ts';
import { createLog } from '../../lib/base/log.ts';
import { NodeConfigCache, parseNodeConfig } from '../../lib/config/node-config.ts';
import { eventually } from '../support/lab.ts';

const tor = { name: 'tor-1', address: '192.0.2.254', asn: 65000 };
const whole = (bgp: object = {}, rest: object = {}) => ({
  bgp: { localAsn: 65001, routerId: '192.0.2.1', peers: [tor], ...bgp },
  ...rest,
});
const parsed = (value: unknown) => parseNodeConfig(JSON.stringify(value), 'node.yaml');
const onePeer = (change: object) => parsed(whole({ peers: [{ ...tor, ...change }] })).bgp.peers[0];

function refused(t: ExecutionContext, value: unknown, message: RegExp): void {
  const error = t.throws(() => parsed(value), { instanceOf: FlockError }, JSON.stringify(value));
  t.is(error.code, 'FLOCK_NODE_CONFIG_INVALID');
  t.regex(error.message, message, JSON.stringify(value));
}

test('YAML in, everything filled in', t => {
  const config = parseNodeConfig(
    `bgp:
  localAsn: 65001
  routerId: 192.0.2.1
  peers:
    - { name: tor-1, address: 192.0.2.254, asn: 65000 }
    - { name: tor-2, address: "2001:DB8::0:1", asn: 65000 }
advertise:
  prefixes: [ "10.244.1.0/24", "2001:DB8:1::/48", "10.244.1.0/24" ]
`,
    'node.yaml',
  );
  const filledIn = {
    port: 179,
    passive: false,
    extendedNextHop: false,
    bfd: false,
    gracefulRestart: { enabled: true, seconds: 30 },
    importLimit: 10_000,
    importDefaultRoute: true,
    communities: [],
  };
  t.deepEqual(config.bgp.peers, [
    { ...tor, ...filledIn, families: ['ipv4'] },
    { name: 'tor-2', address: '2001:db8::1', asn: 65000, ...filledIn, families: ['ipv6'] },
  ]);
  t.deepEqual(config.advertise.prefixes, ['10.244.1.0/24', '2001:db8:1::/48']);
});

test('families: the address’s own; both with extended next hop; what is asked for, once and in order', t => {
  t.deepEqual(onePeer({ address: 'fd00::1', extendedNextHop: true })?.families, ['ipv4', 'ipv6']);
  t.deepEqual(onePeer({ address: 'fe80::1', interface: 'eth0' })?.families, ['ipv6']);
  t.deepEqual(onePeer({ families: ['ipv6', 'ipv4', 'ipv6'] })?.families, ['ipv4', 'ipv6']);
});

test('a password is a file, or a key of the Secret that manifests mount', t => {
  t.is(onePeer({ passwordFile: '/secret' })?.passwordFile, '/secret');
  t.is(onePeer({ passwordKey: 'tor-1.md5' })?.passwordFile, '/etc/flock-anycast-bgp/tor-1.md5');
  for (const passwordKey of ['', '.', '..', '../x', 'a/b', 'a\0', 'a'.repeat(254)]) {
    refused(t, whole({ peers: [{ ...tor, passwordKey }] }), /bgp\.peers\.0\.passwordKey: /);
  }
});

test('communities: each once, in canonical spelling, no number larger than its field', t => {
  const communities = ['64512:100', '64512:0100', '0:65535', '4294967295:0:1'];
  t.deepEqual(onePeer({ communities })?.communities, ['64512:100', '0:65535', '4294967295:0:1']);
  for (const bad of [
    '65536:1',
    '1:65536',
    '1:2:4294967296',
    '1',
    '1:2:3:4',
    ':1',
    '1:',
    '-1:1',
    '1:0x10',
    'no-export',
  ]) {
    refused(t, whole({ peers: [{ ...tor, communities: [bad] }] }), /bgp\.peers\.0\.communities\.0: /);
  }
});

test('what is unknown, reserved or out of range is refused by the path of its key', t => {
  refused(t, whole({}, { bpg: {} }), /node\.yaml: \(top level\): Unrecognized key: "bpg"/);
  refused(t, whole({ peers: [{ ...tor, pasword: 'x' }] }), /bgp\.peers\.0: Unrecognized key: "pasword"/);
  refused(t, {}, /bgp: /);
  for (const asn of [0, 23456, 65535, 4294967295, 4294967296, -1, 1.5, '65000']) {
    refused(t, whole({ localAsn: asn }), /bgp\.localAsn: /);
    refused(t, whole({ peers: [{ ...tor, asn }] }), /bgp\.peers\.0\.asn: /);
  }
  for (const routerId of ['0.0.0.0', '1.2.3', '1.2.3.256', '::1', '01.2.3.4', 7]) {
    refused(t, whole({ routerId }), /bgp\.routerId: /);
  }
  for (const address of [
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    'fe80::1%eth0',
    'tor',
    '',
  ]) {
    refused(t, whole({ peers: [{ ...tor, address }] }), /bgp\.peers\.0\.address: /);
  }
  for (const prefix of [
    '10.0.0.1/24',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '0.0.0.0/0',
    '2001:db8::1/64',
    'fe80::/64',
    '127.0.0.0/8',
    '224.0.0.0/4',
    '10.0.0.0/ 8',
    '10.0.0.0/1e1',
  ]) {
    refused(t, whole({}, { advertise: { prefixes: [prefix] } }), /advertise\.prefixes\.0: /);
  }
});

test('what can not be together is refused', t => {
  const bad = (change: object, message: RegExp) =>
    refused(t, whole({ peers: [{ ...tor, ...change }] }), message);
  bad({ address: 'fe80::1' }, /bgp\.peers\.0\.interface: is needed/);
  bad({ multihop: 2, interface: 'eth0' }, /multihop: /);
  bad({ extendedNextHop: true }, /extendedNextHop: needs an IPv6 session/);
  bad({ address: 'fd00::1', extendedNextHop: true, families: ['ipv6'] }, /extendedNextHop: /);
  bad({ families: [] }, /families: /);
  bad({ sourceAddress: 'fd00::2' }, /sourceAddress: is of another family/);
  bad({ passwordFile: '/a', passwordKey: 'a' }, /passwordKey: can not be combined with passwordFile/);
  for (const seconds of [0, 4096, 1.5]) bad({ gracefulRestart: { seconds } }, /gracefulRestart\.seconds: /);
  bad({ passwordFile: 'secret' }, /passwordFile: must be an absolute path/);
  refused(t, whole({ peers: [tor, { ...tor, address: '192.0.2.253' }] }), /peers\.1\.name: is a duplicate/);
  refused(t, whole({ peers: [tor, { ...tor, name: 'tor-2' }] }), /peers\.1\.address: is a duplicate/);
});

test('names have narrow alphabets: nothing that BIRD could read as its own syntax', t => {
  for (const bad of ['"', "'", ';', '{', '}', '\n', '\r', '\0', '#', '/', '\\', '$', 'é', ' ', '%', '`']) {
    refused(t, whole({ peers: [{ ...tor, name: `tor${bad}1` }] }), /bgp\.peers\.0\.name: /);
    refused(t, whole({ peers: [{ ...tor, interface: `eth${bad}` }] }), /bgp\.peers\.0\.interface: /);
    refused(t, whole({ peers: [{ ...tor, address: `192.0.2.254${bad}` }] }), /bgp\.peers\.0\.address: /);
    refused(t, whole({ peers: [{ ...tor, sourceAddress: `192.0.2.2${bad}` }] }), /\.sourceAddress: /);
    refused(t, whole({ peers: [{ ...tor, communities: [`64512:1${bad}`] }] }), /\.communities\.0: /);
    refused(t, whole({ peers: [{ ...tor, passwordKey: `a${bad}` }] }), /\.passwordKey: /);
    refused(t, whole({ routerId: `192.0.2.1${bad}` }), /bgp\.routerId: /);
    refused(t, whole({}, { advertise: { prefixes: [`10.0.0.0${bad}/8`] } }), /advertise\.prefixes\.0: /);
  }
  for (const bad of ['.', '..', '', 'sixteen-letters-']) {
    refused(t, whole({ peers: [{ ...tor, interface: bad }] }), /interface: /);
  }
});

test('a text that is no YAML, or YAML that blows up, is refused', t => {
  for (const text of ['bgp: [', '', '\0', 'a: &a [*a, *a]', '- 1']) {
    t.throws(() => parseNodeConfig(text, 'node.yaml'), { instanceOf: FlockError }, text);
  }
});

test('the cache: nothing until a file was good once, then the last good one', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flock-node-'));
  const path = join(folder, 'node.yaml');
  const cache = new NodeConfigCache({ path, log: createLog('silent') });
  t.teardown(() => {
    cache.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  t.is(cache.load(), undefined);
  cache.start();
  writeFileSync(path, JSON.stringify(whole()));
  await eventually('the first', () => cache.snapshot()?.bgp.localAsn === 65001);
  writeFileSync(path, JSON.stringify(whole({ localAsn: 0 })));
  await eventually('the problem', () => cache.problem !== undefined);
  t.regex(cache.problem?.message ?? '', /bgp\.localAsn/);
  t.is(cache.snapshot()?.bgp.localAsn, 65001);
  unlinkSync(path);
  t.is(cache.load()?.bgp.localAsn, 65001);
});
