import test from 'ava';
import {
  checkCompatMode,
  checkForwarding,
  checkHashPolicy,
  checkPodInterface,
} from '../../lib/sysctl/checks.ts';
import { handSysctls } from '../support/hand-sysctls.ts';

const both = new Set([4, 6] as const);
const podInterfaces = new Set(['veth1']);
const off = { 'net/ipv4/ip_forward': '0', 'net/ipv6/conf/all/forwarding': '0' };
const forwarding = (
  values: Record<string, string>,
  advertisedDefaults: string[] = [],
  families: ReadonlySet<4 | 6> = both,
) => checkForwarding(handSysctls(values), { families, podInterfaces, advertisedDefaults });

test('a node that does not forward a family is found, with what may be set', t => {
  const findings = forwarding(off);
  t.deepEqual(
    findings.map(({ unforwarded, key, right, remedy }) => [unforwarded, key, right, remedy]),
    [
      [4, 'net/ipv4/ip_forward', '1', 'sysctl -w net.ipv4.ip_forward=1'],
      [6, 'net/ipv6/conf/all/forwarding', '1', 'sysctl -w net.ipv6.conf.all.forwarding=1'],
    ],
  );
  t.deepEqual(forwarding({ 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '1' }), []);
  t.deepEqual(forwarding({}), [], 'a kernel without the setting');
  t.deepEqual(
    forwarding(off, [], new Set([4])).map(({ unforwarded }) => unforwarded),
    [4],
    'no peer carries IPv6',
  );
});

test('a node whose interfaces forward by switches of their own does forward', t => {
  const by = (name: string) => ({
    [`net/ipv4/conf/${name}/forwarding`]: '1',
    [`net/ipv6/conf/${name}/force_forwarding`]: '1',
  });
  t.deepEqual(forwarding({ ...off, ...by('eth0') }), []);
  for (const name of ['lo', 'all', 'default', 'veth1'])
    t.is(forwarding({ ...off, ...by(name) }).length, 2, `${name} brings nothing to pods`);
});

test('IPv6 forwarding that would take the default route of a router advertisement is not to be set', t => {
  const withRa = (value: string) => ({ ...off, 'net/ipv6/conf/eth0.5/accept_ra': value });
  const [, first, second, ...more] = forwarding(withRa('1'), ['eth0.5']);
  t.like(first, { code: 'PREFLIGHT_ACCEPT_RA', remedy: 'sysctl -w net.ipv6.conf.eth0/5.accept_ra=2' });
  t.is(first?.right, undefined);
  t.like(second, { code: 'PREFLIGHT_FORWARDING', unforwarded: 6 });
  t.is(second?.right, undefined);
  t.is(
    second?.remedy,
    'sysctl -w net.ipv6.conf.eth0/5.accept_ra=2, then sysctl -w net.ipv6.conf.all.forwarding=1',
  );
  t.deepEqual(more, []);
  // 2 keeps the route; with 0 a program has made it.
  for (const value of ['2', '0']) {
    const found = forwarding(withRa(value), ['eth0.5']);
    t.deepEqual(
      found.map(({ right }) => right),
      ['1', '1'],
    );
  }
});

test('where it is not known whence the default route comes, IPv6 forwarding is not to be set', t => {
  const sysctls = handSysctls(off);
  const findings = checkForwarding(sysctls, { families: both, podInterfaces, advertisedDefaults: undefined });
  t.deepEqual(
    findings.map(({ unforwarded, right }) => [unforwarded, right]),
    [
      [4, '1'],
      [6, undefined],
    ],
  );
});

test('a hash policy without ports is found for each family', t => {
  const sysctls = handSysctls({
    'net/ipv4/fib_multipath_hash_policy': '0',
    'net/ipv6/fib_multipath_hash_policy': '1',
  });
  const [finding, ...more] = checkHashPolicy(sysctls, both);
  t.like(finding, {
    code: 'PREFLIGHT_HASH_POLICY',
    right: '1',
    remedy: 'sysctl -w net.ipv4.fib_multipath_hash_policy=1',
  });
  t.deepEqual(more, []);
});

test('BIRD that learns groups needs a kernel that lists their nexthops', t => {
  const blind = handSysctls({ 'net/ipv4/nexthop_compat_mode': '0' });
  t.is(checkCompatMode(blind, true)[0]?.code, 'FLOCK_BIRD_BLIND');
  t.deepEqual(checkCompatMode(blind, false), []);
  t.deepEqual(checkCompatMode(handSysctls({ 'net/ipv4/nexthop_compat_mode': '1' }), true), []);
});

test('strict reverse-path filtering on a pod interface is found; the larger of "all" and its own value counts', t => {
  const check = (all: string, own: string) =>
    checkPodInterface(
      handSysctls({ 'net/ipv4/conf/all/rp_filter': all, 'net/ipv4/conf/veth1.5/rp_filter': own }),
      'veth1.5',
      both,
    );
  t.is(check('0', '0').length, 0);
  t.is(check('0', '2').length, 0);
  t.is(check('2', '1').length, 0);
  t.is(check('1', '0').length, 1);
  t.like(check('0', '1')[0], {
    key: 'net/ipv4/conf/veth1.5/rp_filter',
    right: '2',
    remedy: 'sysctl -w net.ipv4.conf.veth1/5.rp_filter=2',
  });
  const gone = handSysctls({ 'net/ipv4/conf/all/rp_filter': '1' });
  t.deepEqual(checkPodInterface(gone, 'veth1.5', both), [], 'an interface that does not exist');
});

test('a pod interface that does not forward is found where the node forwards', t => {
  const check = (node: string) =>
    checkPodInterface(
      handSysctls({ 'net/ipv4/ip_forward': node, 'net/ipv4/conf/veth1/forwarding': '0' }),
      'veth1',
      both,
    );
  t.like(check('1')[0], { code: 'PREFLIGHT_FORWARDING', key: 'net/ipv4/conf/veth1/forwarding' });
  t.is(check('1')[0]?.unforwarded, undefined, 'one pod, not the family');
  t.deepEqual(check('0'), [], 'the node is the finding');
});
