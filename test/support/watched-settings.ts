/** A watch of the node's settings, for its tests. */
import type { Log } from '../../lib/base/log.ts';
import { SysctlWatch, type SysctlWatchOptions } from '../../lib/sysctl/sysctl-watch.ts';
import { handClock } from './hand-clock.ts';
import { handSysctls } from './hand-sysctls.ts';

/** Settings of a node with which nothing is wrong. */
export const right = {
  'net/ipv4/ip_forward': '1',
  'net/ipv6/conf/all/forwarding': '1',
  'net/ipv4/fib_multipath_hash_policy': '1',
  'net/ipv6/fib_multipath_hash_policy': '1',
  'net/ipv4/conf/all/rp_filter': '0',
};

/** A watch of settings that a test changes, with a clock moved by hand, and the lines that it writes. */
export function watched(options: Partial<SysctlWatchOptions> = {}) {
  const values: Record<string, string> = { ...right };
  const clock = handClock();
  const lines: string[] = [];
  const write = (level: string) => (fields: { code?: string }, message: string) =>
    lines.push(`${level} ${fields.code ?? ''} ${message}`);
  const log = { info: write('info'), warn: write('warn'), error: write('error') } as unknown as Log;
  const pods = new Set<string>();
  const place = { isReadOnly: false };
  const watch = new SysctlWatch({
    sysctls: handSysctls(values, () => place.isReadOnly),
    set: false,
    families: () => new Set([4, 6]),
    podInterfaces: () => pods,
    learnsGroups: () => false,
    advertisedDefaults: async () => [],
    clock,
    everyMs: 2000,
    auditMs: 30_000,
    log,
    ...options,
  });
  /** Lets time pass, and what it set off be done. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
  };
  const take = () => lines.splice(0);
  return { watch, values, pods, place, pass, take };
}
