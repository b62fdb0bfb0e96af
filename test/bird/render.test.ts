import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { FlockError } from '../../lib/base/errors.ts';
import { readPasswords } from '../../lib/bird/passwords.ts';
import { announcedIn, type BirdConfigInput, renderBirdConfig } from '../../lib/bird/render.ts';
import { nodeConfigSchema, parseNodeConfig } from '../../lib/config/node-config.ts';
import { birdProgram } from '../support/bird.ts';
import { plainConfig, routes } from './fabric.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'flock-render-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** Rejects with BIRD's error when BIRD does not accept the text. */
async function birdAccepts(text: string): Promise<void> {
  const file = join(folder, `${++files}.conf`);
  writeFileSync(file, text);
  await run(birdProgram('bird'), ['-p', '-c', file]);
}

const nodeConfig = parseNodeConfig(JSON.stringify(plainConfig(1)), 'test');
const base: BirdConfigInput = {
  nodeConfig,
  mode: 'learn',
  routes,
  kernelExport: true,
  active: [],
  passwords: new Map(),
};

const everyPeer = parseNodeConfig(
  JSON.stringify({
    bgp: {
      localAsn: 4200000001,
      routerId: '192.0.2.1',
      peers: [
        { name: 'unnumbered', address: 'fe80::1', interface: 'eth0.100', asn: 65000, extendedNextHop: true },
        {
          name: 'tor-1',
          address: '192.0.2.254',
          asn: 65000,
          families: ['ipv6', 'ipv4'],
          passwordFile: '/secret',
        },
        {
          name: 'reflector',
          address: '2001:DB8:0::1',
          asn: 4200000001,
          multihop: 4,
          port: 1790,
          passive: true,
          sourceAddress: '2001:DB8:0::77',
          gracefulRestart: { enabled: false },
        },
        {
          name: 'tor-2',
          address: '192.0.2.253',
          asn: 65000,
          families: ['ipv6', 'ipv4'],
          bfd: true,
          gracefulRestart: { seconds: 120 },
          communities: ['64512:100', '65535:65281', '4200000001:1:4294967295'],
        },
      ],
    },
  }),
  'test',
);

const goldens: Record<string, BirdConfigInput> = {
  learn: base,
  'learn-own-table': { ...base, routes: { ...routes, table: 4242 } },
  'learn-while-moving': {
    ...base,
    routes: { ...routes, table: 4242 },
    formerRoutes: [
      routes,
      { ...routes, metric: 20 },
      { ...routes, table: 4242, protocols: { advertise: 80, hold: 81 } },
    ],
  },
  'learn-no-kernel-export': { ...base, kernelExport: false },
  'learn-every-peer': { ...base, nodeConfig: everyPeer, passwords: new Map([['tor-1', "{s3cr;t} # \\ '"]]) },
  filter: {
    ...base,
    mode: 'filter',
    active: ['2001:db8::53/128', '192.0.2.9/32', '192.0.2.53/32', '192.0.2.9/32'],
  },
  'filter-nothing-active': { ...base, mode: 'filter', kernelExport: false },
};

for (const [name, input] of Object.entries(goldens)) {
  test(`golden: ${name}`, async t => {
    const text = renderBirdConfig(input);
    const file = join(import.meta.dirname, 'golden', `${name}.conf`);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text);
    t.is(text, readFileSync(file, 'utf8'));
    await t.notThrowsAsync(birdAccepts(text));
  });
}

test("the active set is read back from a rendered text, without the node's own prefixes", t => {
  const active = ['192.0.2.53/32', '2001:db8::53/128'];
  const own = { ...nodeConfig, advertise: { prefixes: ['192.0.2.1/32', '10.0.0.0/8'] } };
  const filter = renderBirdConfig({ ...base, nodeConfig: own, mode: 'filter', active });
  t.deepEqual([...announcedIn(filter)].sort(), active);
  t.is(announcedIn(renderBirdConfig({ ...base, nodeConfig: own })).size, 0);
  t.is(announcedIn(filter.slice(1)).size, 0, 'it is not ours');
});

test('the same set in any order gives the same bytes', t => {
  const active = ['192.0.2.1/32', '2001:db8::1/128', '192.0.2.10/32', '192.0.2.9/32'];
  const one = renderBirdConfig({ ...base, mode: 'filter', active });
  t.is(renderBirdConfig({ ...base, mode: 'filter', active: new Set(active.toReversed()) }), one);
  t.is(renderBirdConfig({ ...base, active }), renderBirdConfig(base), 'learn mode ignores it');
});

/** Any input that the schema accepts; the peers' names and addresses are made unique afterwards. */
const ipv4 = fc
  .tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.nat(255), fc.nat(255))
  .filter(([first]) => first !== 127)
  .map(bytes => bytes.join('.'));
const ipv6 = fc.ipV6().filter(text => /^[23]/.test(text));
const asn = fc.integer({ min: 1, max: 0xfffffffe }).filter(value => ![23456, 65535].includes(value));
const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?$/);
const interfaceName = fc.stringMatching(/^[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,14}$/);
const small = fc.integer({ min: 0, max: 65535 });
const large = fc.integer({ min: 0, max: 0xffffffff });
const community = fc.oneof(fc.tuple(small, small), fc.tuple(large, large, large)).map(each => each.join(':'));
const common = {
  name,
  asn,
  port: fc.integer({ min: 1, max: 65535 }),
  passive: fc.boolean(),
  bfd: fc.boolean(),
  communities: fc.array(community, { maxLength: 3 }),
  gracefulRestart: fc.record({ enabled: fc.boolean(), seconds: fc.integer({ min: 1, max: 4095 }) }),
};
const families = fc.subarray(['ipv4', 'ipv6'], { minLength: 1 });
const peer = fc.oneof(
  fc.record({
    ...common,
    address: ipv4,
    families,
    multihop: fc.integer({ min: 1, max: 255 }),
    sourceAddress: ipv4,
  }),
  fc.record({ ...common, address: ipv6, families, interface: interfaceName }),
  fc.record({ ...common, address: ipv6, extendedNextHop: fc.boolean() }),
  fc.record({
    ...common,
    address: fc.nat(0xffff).map(n => `fe80::${n.toString(16)}`),
    interface: interfaceName,
  }),
);
const config = fc.record({
  bgp: fc.record({ localAsn: asn, routerId: ipv4, peers: fc.array(peer, { maxLength: 5 }) }),
  advertise: fc.record({
    prefixes: fc.array(
      fc.oneof(
        ipv4.map(address => `${address}/32`),
        ipv6.map(address => `${address}/128`),
      ),
    ),
  }),
});
const password = fc.stringMatching(/^[\x20\x21\x23-\x7e]{1,80}$/);
const active = fc.array(
  fc.oneof(
    ipv4.map(one => `${one}/32`),
    ipv6.map(one => `${one}/128`),
  ),
  { maxLength: 20 },
);

test('whatever the schema accepts, BIRD accepts', async t => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(
      config,
      password,
      active,
      fc.constantFrom('learn' as const, 'filter' as const),
      fc.boolean(),
      fc.constantFrom(254, 1, 4242, 0xffffffff),
      async (raw, secret, destinations, mode, kernelExport, table) => {
        const parsed = nodeConfigSchema.safeParse(raw);
        fc.pre(parsed.success);
        accepted++;
        await birdAccepts(
          renderBirdConfig({
            nodeConfig: parsed.data,
            mode,
            kernelExport,
            routes: { ...routes, table },
            active: destinations,
            passwords: new Map(parsed.data.bgp.peers.map(({ name }) => [name, secret])),
          }),
        );
      },
    ),
    { numRuns: 40 },
  );
  t.true(accepted >= 40);
});

const hostile = ['"', "'", ';', '{', '}', '\n', '\r', '\0', '#', '/*', '\\', '$(reboot)', 'é', ' ', '%', '`'];

test('the renderer refuses a value that passed no schema and could inject BIRD syntax', t => {
  const [first] = nodeConfig.bgp.peers as [(typeof nodeConfig.bgp.peers)[0]];
  const withPeer = (change: object): BirdConfigInput => ({
    ...base,
    nodeConfig: { ...nodeConfig, bgp: { ...nodeConfig.bgp, peers: [{ ...first, ...change }] } },
  });
  for (const bad of hostile) {
    const inputs: BirdConfigInput[] = [
      { ...base, mode: 'filter', active: [`192.0.2.1${bad}/32`] },
      { ...base, nodeConfig: { ...nodeConfig, advertise: { prefixes: [`10.0.0.0${bad}/8`] } } },
      { ...base, nodeConfig: { ...nodeConfig, bgp: { ...nodeConfig.bgp, routerId: `10.0.0.1${bad}` } } },
      withPeer({ address: `10.0.0.1${bad}` }),
      withPeer({ name: `tor${bad}` }),
      withPeer({ sourceAddress: `10.0.0.2${bad}` }),
      withPeer({ communities: [`64512:1${bad}`] }),
      withPeer({ gracefulRestart: { enabled: true, seconds: `30${bad}` } }),
    ];
    for (const input of inputs) t.throws(() => renderBirdConfig(input), { instanceOf: FlockError }, bad);
  }
  for (const bad of ['"', '\n', '\r', '\0', 'é', '\x7f']) {
    t.throws(() => renderBirdConfig(withPeer({ interface: `eth${bad}` })), { instanceOf: FlockError });
    const passwords = new Map([[first.name, `x${bad}`]]);
    t.throws(() => renderBirdConfig({ ...base, passwords }), { instanceOf: FlockError });
  }
});

test('a password is one line of printable ASCII; the error names the file, not the content', t => {
  const passwordFile = join(folder, 'password');
  const secured = parseNodeConfig(
    JSON.stringify({
      bgp: {
        localAsn: 1,
        routerId: '1.1.1.1',
        peers: [{ name: 'tor', address: '1.1.1.2', asn: 2, passwordFile }],
      },
    }),
    'test',
  );
  for (const good of ['secret', 'secret\n', 'secret\r\n']) {
    writeFileSync(passwordFile, good);
    t.is(readPasswords(secured).get('tor'), 'secret');
  }
  for (const bad of ['', '\n', 'se"cret', 'se\ncret', 'secret\n\n', 'se\0cret', 'sécret', 'x'.repeat(81)]) {
    writeFileSync(passwordFile, bad);
    const error = t.throws(() => readPasswords(secured), { instanceOf: FlockError }, JSON.stringify(bad));
    t.true(error.message.includes(passwordFile));
    t.false(`${error.message} ${String(error.value)}`.includes('cret'));
  }
});
