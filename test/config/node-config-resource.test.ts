import test from 'ava';
import {
  mergeNodeConfig,
  type NodeConfigSpec,
  nodeConfigSpecOf,
} from '../../lib/config/node-config-resource.ts';

const base: NodeConfigSpec = {
  bgp: { localAsn: 64512, routerId: '192.0.2.1', peers: [{ name: 'tor', address: '192.0.2.9', asn: 64500 }] },
  advertise: { prefixes: ['10.1.0.0/16'] },
  reserved: ['10.0.0.0/8'],
  drain: { terminatingMs: 1000 },
};

test("a node's own keys lie over the default ones, and a list stands as a whole", t => {
  const own: NodeConfigSpec = {
    bgp: { routerId: '192.0.2.77' },
    advertise: { prefixes: ['10.2.0.0/16'] },
    node: { draining: true },
    drain: { longestMs: 5 },
    bird: { mode: 'filter' },
  };
  const { bgp, advertise, node, drain, bird } = mergeNodeConfig(base, own, 'x');
  t.is(bird.mode, 'filter');
  t.is(mergeNodeConfig(base, undefined, 'x').bird.mode, undefined);
  t.is(bgp.routerId, '192.0.2.77');
  t.is(bgp.localAsn, 64512);
  t.deepEqual(
    bgp.peers.map(({ name, port }) => [name, port]),
    [['tor', 179]],
  );
  t.deepEqual(advertise.prefixes, ['10.2.0.0/16']);
  t.true(node.draining);
  t.deepEqual(drain, { terminatingMs: 1000, longestMs: 5 });
});

test('a node adds to what is reserved and never takes away; alone it reserves nothing', t => {
  t.deepEqual(mergeNodeConfig(base, { reserved: ['fd00::/8'] }, 'x').reserved, ['10.0.0.0/8', 'fd00::/8']);
  t.deepEqual(mergeNodeConfig(base, { reserved: [] }, 'x').reserved, ['10.0.0.0/8']);
  t.is(mergeNodeConfig(undefined, base, 'x').reserved, undefined);
});

test('what is written as null or left undefined covers nothing', t => {
  const own = { bgp: { localAsn: undefined, routerId: null } } as unknown as NodeConfigSpec;
  t.is(mergeNodeConfig(base, own, 'x').bgp.localAsn, 64512);
  t.is(mergeNodeConfig(base, own, 'x').bgp.routerId, '192.0.2.1');
});

test('merging is not changing: neither part is written to', t => {
  const before = structuredClone(base);
  mergeNodeConfig(base, { bgp: { routerId: '192.0.2.2' }, reserved: ['fd00::/8'] }, 'x');
  t.deepEqual(base, before);
});

test('two halves that make no whole are refused, naming what is missing', t => {
  const error = t.throws(() =>
    mergeNodeConfig({ bgp: { localAsn: 64512 } }, undefined, 'NodeConfig a over default'),
  );
  t.regex(error.message, /^NodeConfig a over default: bgp\.routerId: /);
});

test('a spec is checked by itself: every key optional, none unknown, each with its rules', t => {
  const of = (spec: unknown) => nodeConfigSpecOf({ metadata: { name: 'a' }, spec }, 'NodeConfig a');
  t.deepEqual(of(undefined), {});
  t.deepEqual(of({ bgp: {} }), { bgp: {} });
  t.throws(() => of({ bpg: {} }), { message: /bpg/ });
  t.throws(() => of({ reserved: ['10.0.0.1/8'] }), { message: /spec: reserved\.0: 10\.0\.0\.1\/8 has bits/ });
  t.throws(() => of({ bgp: { peers: [{ name: 'x', address: 'fe80::1', asn: 1 }] } }), {
    message: /bgp\.peers\.0\.interface: is needed/,
  });
});

test('a NodeConfig has a password by a key of the Secret; a path of the nodes is refused, and says so', t => {
  const withPeer = (over: object) => ({
    metadata: { name: 'default' },
    spec: { bgp: { peers: [{ name: 'tor', address: '192.0.2.1', asn: 64500, ...over }] } },
  });
  t.notThrows(() => nodeConfigSpecOf(withPeer({ passwordKey: 'tor' }), 'NodeConfig default'));
  t.throws(() => nodeConfigSpecOf(withPeer({ passwordFile: '/dev/zero' }), 'NodeConfig default'), {
    code: 'FLOCK_NODE_CONFIG_INVALID',
    message: /bgp\.peers\.0\.passwordFile: is only for a node config in a file: .* passwordKey/,
  });
});
