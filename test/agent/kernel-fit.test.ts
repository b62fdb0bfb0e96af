import test from 'ava';
import { fitToKernel } from '../../lib/agent/kernel-fit.ts';
import { parseAgentConfig } from '../../lib/config/agent-config.ts';
import type { KernelAbilities } from '../../lib/kernel/socket/route-socket.ts';

const newest = { nexthopObjects: true, resilientGroups: true, heaviestMember: 65_535, parallelIpv6: true };

/** What routes lead through, and the lines that say why. */
function fitted(nexthops: string, lack: Partial<KernelAbilities> = {}) {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, text: string) => {
    lines.push(`${level} ${(fields as { code: string }).code} ${text}`);
  };
  const log = { info: write('info'), warn: write('warn') } as unknown as Parameters<typeof fitToKernel>[2];
  const text = JSON.stringify({ pods: { source: 'directory', path: '/pods' }, routes: { nexthops } });
  const { routes } = fitToKernel(parseAgentConfig(text, 'test'), { ...newest, ...lack }, log, '5.10.0');
  return [routes.nexthops, ...lines];
}

test('a kernel that has all is told nothing of', t => {
  for (const nexthops of ['multipath', 'groups', 'resilient']) t.deepEqual(fitted(nexthops), [nexthops]);
});

test('resilient groups are plain ones where the kernel has none, and one warning says so', t => {
  const lack = { resilientGroups: false, heaviestMember: 255 };
  t.deepEqual(fitted('resilient', lack), [
    'groups',
    'warn PREFLIGHT_KERNEL Linux 5.10.0 lacks resilient groups (Linux 5.13): plain groups are used, and flows of other pods may move when a pod joins or leaves',
  ]);
  t.deepEqual(fitted('groups', lack), ['groups']);
  t.deepEqual(fitted('multipath', lack), ['multipath']);
});

test('all that is lacking is one line', t => {
  const [nexthops, line, ...more] = fitted('resilient', { heaviestMember: 255, parallelIpv6: false });
  t.is(nexthops, 'resilient');
  t.regex(
    line ?? '',
    /^info PREFLIGHT_KERNEL Linux 5\.10\.0 lacks weights over 255 .*; IPv6 changes beside /,
  );
  t.deepEqual(more, []);
});

test('groups are refused where the kernel has no nexthop objects', t => {
  t.throws(() => fitted('groups', { nexthopObjects: false }), { code: 'FLOCK_NO_NEXTHOP_GROUPS' });
  t.deepEqual(fitted('multipath', { nexthopObjects: false }), ['multipath']);
});
