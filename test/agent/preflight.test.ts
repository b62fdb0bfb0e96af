import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  checkForwarding,
  checkHashPolicy,
  checkReversePathFilter,
  requireNexthopObjects,
  runPreflight,
  type Sysctls,
  whyBirdIsBlind,
} from '../../lib/agent/preflight.ts';
import { hasNetAdmin } from '../../lib/base/capabilities.ts';
import { createLog } from '../../lib/base/log.ts';
import { renderedMark } from '../../lib/bird/render.ts';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import { createNodeLab } from '../support/node-lab.ts';

/** Sysctls as a table; `readOnly` like /proc/sys in a container. */
function sysctls(values: Record<string, string>, readOnly = false): Sysctls {
  return {
    read: key => values[key],
    write(key, value) {
      if (readOnly) throw new Error('read-only file system');
      values[key] = value;
    },
  };
}

const policy = { 'net/ipv4/fib_multipath_hash_policy': '0', 'net/ipv6/fib_multipath_hash_policy': '1' };

test('a hash policy without ports is corrected where that is permitted, and reported where not', t => {
  const values = { ...policy };
  t.deepEqual(checkHashPolicy(sysctls(values), true), []);
  t.is(values['net/ipv4/fib_multipath_hash_policy'], '1');

  for (const findings of [
    checkHashPolicy(sysctls({ ...policy }, true), true),
    checkHashPolicy(sysctls({ ...policy }), false),
  ]) {
    t.is(findings.length, 1);
    t.like(findings[0], {
      code: 'PREFLIGHT_HASH_POLICY',
      remedy: 'sysctl -w net.ipv4.fib_multipath_hash_policy=1',
    });
  }
});

test('a node that does not forward is reported with the remedy', t => {
  const findings = checkForwarding(
    sysctls({ 'net/ipv4/ip_forward': '0', 'net/ipv6/conf/all/forwarding': '1' }),
  );
  t.deepEqual(
    findings.map(({ remedy }) => remedy),
    ['sysctl -w net.ipv4.ip_forward=1'],
  );
});

test('strict reverse-path filtering on a pod interface is reported; the larger of "all" and its own value counts', t => {
  const check = (all: string, own: string) =>
    checkReversePathFilter(
      sysctls({ 'net/ipv4/conf/all/rp_filter': all, 'net/ipv4/conf/veth1.5/rp_filter': own }),
      ['veth1.5'],
    );
  t.is(check('0', '0').length, 0);
  t.is(check('0', '2').length, 0);
  t.is(check('2', '1').length, 0);
  t.is(check('1', '0').length, 1);
  t.is(check('0', '1')[0]?.remedy, 'sysctl -w net.ipv4.conf.veth1/5.rp_filter=2');
});

test('the capability to change routes is read from the effective set', t => {
  t.true(hasNetAdmin('Name:\tnode\nCapEff:\t0000000000001000\n'));
  t.false(hasNetAdmin('CapPrm:\t0000000000001000\nCapEff:\t0000000000000fff\n'));
});

test('nexthop groups need a kernel with nexthop objects, and BIRD needs one that lists their nexthops', async t => {
  const able = { nexthopObjects: async () => new Uint8Array(0) };
  const unable = {
    nexthopObjects: async () => {
      throw Object.assign(new Error('recv: Operation not supported'), { code: 'EOPNOTSUPP' });
    },
  };
  const blind = sysctls({ 'net/ipv4/nexthop_compat_mode': '0' });
  const seeing = sysctls({ 'net/ipv4/nexthop_compat_mode': '1' });
  await t.notThrowsAsync(requireNexthopObjects('multipath', unable));
  await t.notThrowsAsync(requireNexthopObjects('resilient', able));
  await t.throwsAsync(requireNexthopObjects('groups', unable), { code: 'FLOCK_NO_NEXTHOP_GROUPS' });
  t.is(whyBirdIsBlind('multipath', blind), undefined);
  t.is(whyBirdIsBlind('resilient', seeing), undefined);
  t.is(whyBirdIsBlind('resilient', blind)?.code, 'FLOCK_BIRD_BLIND');
});

test("with another BIRD's routes in the kernel ours does not export to it, unless configured, or the routes are ours", async t => {
  const { node, lab } = await createNodeLab(t, 1);
  const socket = new RouteSocket({ netns: node.path });
  t.teardown(() => socket.close());
  const birdConfig = join(mkdtempSync(join(tmpdir(), 'flock-preflight-')), 'bird.conf');
  t.teardown(() => rmSync(join(birdConfig, '..'), { recursive: true }));
  const exported = async (kernelExport: string) => {
    const text = JSON.stringify({
      pods: { source: 'directory', path: lab.dir },
      bird: { kernelExport, config: birdConfig },
    });
    const config = parseAgentConfig(text, 'test');
    const options = { config, socket, podInterfaces: [], log: createLog('silent'), sysctls: sysctls({}) };
    return (await runPreflight(options)).kernelExport;
  };
  t.true(await exported('auto'));
  await node.ip(
    '-6',
    'route',
    'add',
    '2001:db8:1::/48',
    'via',
    'fd00:1:1::2',
    'proto',
    'bird',
    'metric',
    '32',
  );
  t.false(await exported('auto'));
  t.true(await exported('always'));
  t.false(await exported('never'));
  writeFileSync(birdConfig, `${renderedMark}\n`);
  t.true(await exported('auto'));
});
