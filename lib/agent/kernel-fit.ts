/** What this kernel lacks: found once, at start, said in one line, and done another way. */
import { release } from 'node:os';
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import type { KernelAbilities } from '../kernel/socket/route-socket.ts';

/** The largest weight of a group's member that any kernel takes. */
const heaviest = 65_535;

/**
 * @param version of the kernel, for the line
 * @returns the configuration that this kernel can carry out
 * @throws FlockError FLOCK_NO_NEXTHOP_GROUPS
 */
export function fitToKernel(
  config: ResolvedAgentConfig,
  abilities: KernelAbilities,
  log: Pick<Log, 'info' | 'warn'>,
  version = release(),
): ResolvedAgentConfig {
  const { nexthops } = config.routes;
  if (nexthops !== 'multipath' && !abilities.nexthopObjects) {
    throw new FlockError('FLOCK_NO_NEXTHOP_GROUPS', 'this kernel has no nexthop objects', {
      value: nexthops,
      remedy: 'set routes.nexthops: multipath, or run Linux 5.3 or newer (5.13 for resilient groups)',
    });
  }
  const isResilient = nexthops === 'resilient';
  const isPlain = isResilient && !abilities.resilientGroups;
  const lacks: string[] = [];
  if (isPlain)
    lacks.push(
      'resilient groups (Linux 5.13): plain groups are used, and flows of other pods may move when a pod joins or leaves',
    );
  else if (isResilient && abilities.heaviestMember < heaviest)
    lacks.push(
      'weights over 255 in groups (Linux 6.12): a pod that joins gets a small share of the flows before its turn',
    );
  if (!abilities.parallelIpv6)
    lacks.push('IPv6 changes beside each other (Linux 6.16): they are made one after the other');
  if (lacks.length > 0) {
    const fields = { code: 'PREFLIGHT_KERNEL', ...(isPlain && { remedy: 'run Linux 5.13 or newer' }) };
    log[isPlain ? 'warn' : 'info'](fields, `Linux ${version} lacks ${lacks.join('; ')}`);
  }
  return isPlain ? { ...config, routes: { ...config.routes, nexthops: 'groups' } } : config;
}
