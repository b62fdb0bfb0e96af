import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { checkConfigs } from '../../lib/commands/check-config.ts';

function folder(t: ExecutionContext): (name: string, content: unknown) => string {
  const dir = mkdtempSync(join(tmpdir(), 'flock-check-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return (name, content) => {
    const path = join(dir, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
}

const resource = (kind: string, name: string, spec: unknown) =>
  JSON.stringify({ apiVersion: 'anycast.flock-anycast.io/v1alpha1', kind, metadata: { name }, spec });
const pool = resource('AnycastPool', 'dns', { cidrs: ['192.0.2.0/28'], namespaces: { names: ['dns'] } });
const bgp = { localAsn: 64512, routerId: '192.0.2.1' };

test('each kind of file is recognized by its content, and valid', t => {
  const file = folder(t);
  const findings = checkConfigs([
    file('agent', { pods: { source: 'kubernetes' } }),
    file('node', { bgp }),
    file('allocations', { version: 1, allocations: [] }),
    file('pools', {
      reserved: [],
      pools: [{ name: 'dns', cidrs: ['192.0.2.0/28'], namespaces: { names: ['dns'] } }],
    }),
    file(
      'resources',
      [
        resource('NodeConfig', 'default', { bgp, reserved: [] }),
        pool,
        '{apiVersion: v1, kind: Pod, metadata: {name: a}}',
      ].join('\n---\n'),
    ),
  ]);
  t.deepEqual(
    findings.map(({ what, problem, skipped }) => [what, problem, skipped]),
    [
      ['agent config', undefined, undefined],
      ['node config', undefined, undefined],
      ['allocation file', undefined, undefined],
      ['pools', undefined, undefined],
      ['NodeConfig default', undefined, undefined],
      ['AnycastPool dns', undefined, undefined],
      ['Pod a', undefined, true],
    ],
  );
});

for (const [what, content, problem] of [
  ['an agent config', { pods: { source: 'kubernetes' }, routes: { metric: 0 } }, /^routes\.metric: /],
  ['a node config', { bgp: { ...bgp, localAsn: 0 } }, /^bgp\.localAsn: /],
  ['an allocation', { version: 1, allocations: [{ namespace: 'a' }] }, /allocations\[0\]: name: /],
  [
    'a file of pools',
    { pools: [{ name: 'x', cidrs: [] }] },
    /^reserved: .*pools\.0\.cidrs: .*pools\.0\.namespaces: /,
  ],
  [
    'a selector in a file of pools',
    { reserved: [], pools: [{ name: 'x', cidrs: ['192.0.2.0/28'], namespaces: { selector: {} } }] },
    /^pools\.0\.namespaces\.selector: the labels/,
  ],
  ['a pool', resource('AnycastPool', 'x', { cidrs: [] }), /^AnycastPool x: spec\.cidrs: /],
  [
    'a NodeConfig',
    resource('NodeConfig', 'x', { bgp: { routerId: 'x' } }),
    /^NodeConfig x: spec: bgp\.routerId: /,
  ],
  ['a kind that is none', resource('AnycastPol', 'x', {}), /has no kind AnycastPol/],
  ['a file of something else', { a: 1 }, /is none of these/],
  ['text', 'hello', /is none of these/],
  ['no YAML', '{', /is not YAML/],
] as const) {
  test(`${what} with a mistake is reported with the path of its key`, t => {
    const [finding] = checkConfigs([folder(t)('file', content)]);
    t.regex(finding?.problem ?? '', problem);
  });
}

test('an address of a family that no peer carries is reported', t => {
  const file = folder(t);
  const peers = [{ name: 'tor1', address: '192.0.2.254', asn: 64500 }];
  const both = [{ ...peers[0], families: ['ipv4', 'ipv6'] }];
  const dual = { cidrs: ['192.0.2.0/28', '2001:db8:53::/64'], namespaces: { names: ['dns'] } };
  const problems = (...contents: unknown[]) =>
    checkConfigs(contents.map((content, at) => file(String(at), content)))
      .filter(({ what }) => /AnycastPool|allocation/.test(what))
      .map(({ problem }) => problem);
  const ofNode = (peers: object[]) => resource('NodeConfig', 'default', { bgp: { peers }, reserved: [] });
  const dualPool = resource('AnycastPool', 'dns', dual);
  t.regex(problems(dualPool, ofNode(peers))[0] ?? '', /^NodeConfig default has no peer for IPv6/);
  t.deepEqual(problems(ofNode(both), dualPool), [undefined]);
  t.deepEqual(problems(ofNode(peers), pool), [undefined]);
  const own = resource('NodeConfig', 'node-a', { bgp: { ...bgp, peers } });
  t.regex(problems(ofNode(both), own, dualPool)[0] ?? '', /^NodeConfig node-a over default has no peer/);
  const allocation = { namespace: 'a', name: 'b', uid: 'c', hostInterface: 'd', state: 'committed' };
  const file1 = { version: 1, allocations: [{ ...allocation, anycast: ['2001:db8::1'] }] };
  t.regex(problems({ bgp: { ...bgp, peers } }, file1)[0] ?? '', /^the node config .* no peer for IPv6/);
  t.deepEqual(problems({ bgp: { ...bgp, peers: both } }, file1), [undefined]);
});

test('two NodeConfigs are also checked merged, across files', t => {
  const file = folder(t);
  const findings = checkConfigs([
    file('default', resource('NodeConfig', 'default', { bgp: { localAsn: 64512 }, reserved: [] })),
    file('a', resource('NodeConfig', 'node-a', { node: { draining: true } })),
  ]);
  t.regex(findings.at(-1)?.problem ?? '', /^NodeConfig node-a over default: bgp\.routerId: /);
});

test('pools with a default NodeConfig without reserved are a problem: no pool would take effect', t => {
  const file = folder(t);
  const findings = checkConfigs([
    file('default', resource('NodeConfig', 'default', { bgp })),
    file('pool', pool),
  ]);
  t.regex(findings.at(-1)?.problem ?? '', /^spec\.reserved: is missing/);
});

test('the command prints all findings, and its exit code is 1 when anything is wrong', async t => {
  const file = folder(t);
  const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
  const run = (...paths: string[]) => promisify(execFile)(process.execPath, [cli, 'check-config', ...paths]);
  const good = file('good.yaml', { bgp });
  t.is((await run(good)).stdout, `${good}: node config: good\n`);
  const bad = file('bad.yaml', { bgp: {} });
  const error = await t.throwsAsync<Error & { code: number; stderr: string }>(() =>
    run(good, bad, '/nowhere'),
  );
  t.is(error.code, 1);
  t.regex(error.stderr, /bad\.yaml: node config: bgp\.localAsn: /);
  t.regex(error.stderr, /\/nowhere: file: can not be read/);
});

test('the files in deploy/ are valid', t => {
  const base = fileURLToPath(new URL('../../deploy/base/', import.meta.url));
  const text = readFileSync(`${base}configuration.yaml`, 'utf8').split('agent.yaml: |\n')[1] ?? '';
  t.deepEqual(
    checkConfigs([folder(t)('agent.yaml', text.replace(/^ {4}/gm, ''))]).map(({ problem }) => problem),
    [undefined],
  );
});

test('a peer with a link-local address is valid, with a note about what an older BIRD sends to it', t => {
  const file = folder(t);
  const peers = [{ name: 'tor1', address: 'fe80::1', interface: 'eth0', asn: 64513, families: ['ipv6'] }];
  const findings = checkConfigs([
    file('node', { bgp: { ...bgp, peers } }),
    file('resource', resource('NodeConfig', 'node-a', { bgp: { peers } })),
    file('other', { bgp: { ...bgp, peers: [{ ...peers[0], address: '2001:db8::1' }] } }),
  ]);
  const note =
    'BIRD before 2.17 sends :: as global next hop to tor1, unless the node has a global address on that link';
  t.deepEqual(
    findings.map(({ problem, note }) => [problem, note]),
    [
      [undefined, note],
      [undefined, note],
      [undefined, undefined],
    ],
  );
});
