/** Specs that violate the rules of deploy/overlays/cel. */

export const tor = { name: 'tor', address: '192.0.2.1', asn: 64500 };
const withPeer = (change: object) => ({ bgp: { peers: [{ ...tor, ...change }] } });
export const pool = { cidrs: ['192.0.2.0/28'], namespaces: { names: ['dns'] } };
const expression = (change: object) => ({
  ...pool,
  namespaces: { selector: { matchExpressions: [{ key: 'a', ...change }] } },
});

export const notPrefixes = [
  '192.0.2.0',
  '300.1.1.1/32',
  '192.0.2.0/33',
  'x/1',
  '2001:db8::/129',
  'fe80::%eth0/64',
];
export const notNetworks = ['192.0.2.1/24', '2001:db8::1/64', '0.0.0.0/0', '::/0'];
export const special = ['0.1.0.0/16', '127.0.0.0/8', '169.254.1.0/24', '224.0.0.5/32', '255.255.255.255/32'];
export const special6 = ['::/8', '::1/128', 'fe80::/64', 'ff02::5/128'];
const inPrefixes = (prefixes: string[]) => [
  ...prefixes.map(each => ({ reserved: [each] })),
  ...prefixes.map(each => ({ advertise: { prefixes: [each] } })),
];
const inPool = (prefixes: string[]) => prefixes.map(each => ({ ...pool, cidrs: [each] }));
const inPeer = (addresses: string[]) => [
  ...addresses.map(address => withPeer({ address })),
  ...addresses.map(sourceAddress =>
    withPeer({ sourceAddress, ...(sourceAddress.includes(':') && { address: '2001:db8::1' }) }),
  ),
];
const [prefixWord, networkWord, rangeWord] = [
  'must be a prefix, such as 192.0.2.0/28',
  'has bits set beyond its length, or the length 0',
  'is an unspecified, loopback, link-local, multicast or broadcast prefix',
];

/** Specs that violate rules of one message and no other, by the message. */
export const badSpecs: Record<string, Record<string, object[]>> = {
  'nodeconfigs.yaml': {
    [prefixWord]: inPrefixes(notPrefixes),
    [networkWord]: inPrefixes(notNetworks.slice(0, 2)),
    [rangeWord]: inPrefixes([...special, ...special6]),
    'must be an IPv4 address, not 0.0.0.0': ['0.0.0.0', '1.2.3', '::1', '1.2.3.04'].map(routerId => ({
      bgp: { routerId },
    })),
    'must be an IP address, without a zone': inPeer(['192.0.2.300', 'x', '192.0.2.1/32']),
    'is an unspecified, multicast or broadcast address': inPeer([
      ...['0.1.2.3', '224.0.0.5', '255.255.255.255', '::', 'ff02::5'],
    ]),
    'is a reserved ASN': [23456, 65535, 4294967295].map(localAsn => ({ bgp: { localAsn } })),
    'asn is a reserved ASN': [23456, 65535, 4294967295].map(asn => withPeer({ asn })),
    'interface is needed with a link-local address': ['fe80::1', 'FEBF:0::1'].map(address =>
      withPeer({ address }),
    ),
    'multihop can not be combined with interface: a peer on a link is not several hops away': [
      withPeer({ multihop: 2, interface: 'eth0' }),
    ],
    "sourceAddress is of another family than the peer's address": [
      withPeer({ sourceAddress: '2001:db8::2' }),
      withPeer({ address: '2001:db8::1', sourceAddress: '192.0.2.2' }),
    ],
    'passwordFile is only for a node config in a file': [withPeer({ passwordFile: '/a' })],
    'extendedNextHop needs an IPv6 session': [withPeer({ extendedNextHop: true })],
    'extendedNextHop needs ipv4 in families': [
      withPeer({ address: '2001:db8::1', extendedNextHop: true, families: ['ipv6'] }),
    ],
  },
  'anycastpools.yaml': {
    [prefixWord]: inPool(notPrefixes),
    [networkWord]: inPool(notNetworks.slice(0, 2)),
    [rangeWord]: inPool([...special, ...special6]),
    'name or select namespaces; an empty selector admits all': [
      { ...pool, namespaces: {} },
      { ...pool, namespaces: { names: [] } },
    ],
    'exclusive needs exactly one name in namespaces.names, and no selector': [
      { ...pool, exclusive: true, namespaces: { names: ['a', 'b'] } },
      { ...pool, exclusive: true, namespaces: { names: ['a'], selector: {} } },
      { ...pool, exclusive: true, namespaces: { selector: {} } },
    ],
    'In and NotIn need values, Exists and DoesNotExist have none': [
      expression({ operator: 'In' }),
      expression({ operator: 'NotIn', values: [] }),
      expression({ operator: 'Exists', values: ['x'] }),
    ],
  },
};
