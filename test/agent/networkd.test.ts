import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { warnOfNetworkd } from '../../lib/agent/networkd.ts';

const state = { 'run/systemd/netif/state': 'OPER_STATE=routable\n' };
const no = '[Network]\nManageForeignNextHops=no\n';
const yes = '[Network]\n ManageForeignNextHops = yes\n';

function root(t: ExecutionContext, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'flock-networkd-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return folder;
}

function warnings(folder: string, nexthops: 'multipath' | 'groups' | 'resilient' = 'groups') {
  const seen: { code: string; remedy: string }[] = [];
  warnOfNetworkd(nexthops, { warn: (fields: unknown) => seen.push(fields as never) } as never, folder);
  return seen;
}

test('a systemd-networkd that manages foreign nexthops is warned of, with what to set', t => {
  const folder = root(t, state);
  for (const nexthops of ['groups', 'resilient'] as const) {
    const [warning, ...more] = warnings(folder, nexthops);
    t.is(warning?.code, 'PREFLIGHT_NETWORKD');
    t.regex(warning?.remedy ?? '', /ManageForeignNextHops=no.*256.*multipath/);
    t.deepEqual(more, []);
  }
});

test('without nexthop objects, or without systemd-networkd, there is nothing to warn of', t => {
  t.deepEqual(warnings(root(t, state), 'multipath'), []);
  t.deepEqual(warnings(root(t, {})), []);
});

for (const [words, files, warned] of [
  ['no in the main file', { 'etc/systemd/networkd.conf': no }, false],
  ['no as `False`', { 'etc/systemd/networkd.conf': no.replace('=no', ' = False') }, false],
  ['yes', { 'etc/systemd/networkd.conf': yes }, true],
  ['no in another section', { 'etc/systemd/networkd.conf': no.replace('Network', 'DHCPv4') }, true],
  ['no in a comment', { 'etc/systemd/networkd.conf': no.replace('Manage', '#Manage') }, true],
  ['no in a drop-in', { 'usr/lib/systemd/networkd.conf.d/10-a.conf': no }, false],
  [
    'a later drop-in',
    { 'etc/systemd/networkd.conf.d/10-a.conf': no, 'usr/lib/systemd/networkd.conf.d/20-b.conf': yes },
    true,
  ],
  [
    'a drop-in over the main file',
    { 'etc/systemd/networkd.conf': yes, 'run/systemd/networkd.conf.d/1.conf': no },
    false,
  ],
  [
    'of equal names the one in /etc',
    { 'etc/systemd/networkd.conf.d/1.conf': no, 'usr/lib/systemd/networkd.conf.d/1.conf': yes },
    false,
  ],
  [
    'of main files the one in /etc',
    { 'etc/systemd/networkd.conf': '', 'usr/lib/systemd/networkd.conf': no },
    true,
  ],
] as const) {
  test(`its configuration is read as systemd reads it: ${words}`, t => {
    t.is(warnings(root(t, { ...state, ...files })).length, Number(warned));
  });
}

test('a configuration that never ends is not read', t => {
  const folder = root(t, { ...state, 'etc/systemd/networkd.conf.d/a': '' });
  symlinkSync('/dev/zero', join(folder, 'etc/systemd/networkd.conf'));
  t.is(warnings(folder).length, 1);
});
