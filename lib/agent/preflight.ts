/**
 * Checks at start for settings of this machine that harm traffic; logs one line for each, with the remedy.
 *
 * Sources: Documentation/networking/ip-sysctl.rst of the kernel (fib_multipath_hash_policy, ip_forward,
 * forwarding, rp_filter); the effect of each was measured.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { renderedMark } from '../bird/render.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { readRoutes } from '../kernel/socket/route-record.ts';
import type { NativeError, RouteSocket } from '../kernel/socket/route-socket.ts';

export interface Finding {
  /** Stable, for alerting. */
  code: 'PREFLIGHT_HASH_POLICY' | 'PREFLIGHT_FORWARDING' | 'PREFLIGHT_RP_FILTER' | 'PREFLIGHT_FOREIGN_BIRD';
  message: string;
  remedy: string;
}

/** Network sysctls of this process's network namespace. */
export interface Sysctls {
  /** @param key with slashes, such as `net/ipv4/ip_forward`; undefined when there is none */
  read(key: string): string | undefined;
  /** @throws when that is not permitted */
  write(key: string, value: string): void;
}

export const procSysctls: Sysctls = {
  read(key) {
    try {
      return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
    } catch {
      return undefined;
    }
  },
  write: (key, value) => writeFileSync(`/proc/sys/${key}`, value),
};

/**
 * Per-flow ECMP needs the hash to include ports: with policy 0 all flows between two hosts take one path.
 *
 * @param set whether the agent may set the sysctl
 */
export function checkHashPolicy(sysctls: Sysctls, set: boolean): Finding[] {
  const findings: Finding[] = [];
  for (const family of ['ipv4', 'ipv6']) {
    const key = `net/${family}/fib_multipath_hash_policy`;
    if (sysctls.read(key) !== '0') continue;
    if (set) {
      try {
        sysctls.write(key, '1');
        continue;
      } catch {
        // Read-only /proc/sys, as in a container: the operator has to set it.
      }
    }
    findings.push({
      code: 'PREFLIGHT_HASH_POLICY',
      message: `${key.replaceAll('/', '.')} is 0: all flows between two hosts use the same nexthop`,
      remedy: `sysctl -w ${key.replaceAll('/', '.')}=1`,
    });
  }
  return findings;
}

/** A node that does not forward announces addresses and then drops their packets. */
export function checkForwarding(sysctls: Sysctls): Finding[] {
  return ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']
    .filter(key => sysctls.read(key) === '0')
    .map(key => ({
      code: 'PREFLIGHT_FORWARDING',
      message: `${key.replaceAll('/', '.')} is 0: this node drops packets for pods`,
      remedy: `sysctl -w ${key.replaceAll('/', '.')}=1`,
    }));
}

/**
 * Strict reverse-path filtering on a pod's interface drops what the pod still answers after its route was removed:
 * 0 of 5 answers arrived, with another pod's route and with the BGP path alike; with loose (2) or off, all arrived.
 *
 * @param interfaces names of existing interfaces that lead to pods
 */
export function checkReversePathFilter(sysctls: Sysctls, interfaces: Iterable<string>): Finding[] {
  const findings: Finding[] = [];
  for (const name of interfaces) {
    // The kernel uses the larger of the two (ip-sysctl.rst).
    const values = ['all', name].map(scope => Number(sysctls.read(`net/ipv4/conf/${scope}/rp_filter`) ?? 0));
    if (Math.max(...values) !== 1) continue;
    findings.push({
      code: 'PREFLIGHT_RP_FILTER',
      message: `${name} has strict reverse-path filtering: the kernel drops answers of the pod as soon as its route is removed`,
      remedy: `sysctl -w net.ipv4.conf.${name.replaceAll('.', '/')}.rp_filter=2`,
    });
  }
  return findings;
}

/** The kernel protocol of another BIRD in this namespace and that of ours would delete each other's routes. */
export function foreignBird(routes: number): Finding {
  return {
    code: 'PREFLIGHT_FOREIGN_BIRD',
    message: `${routes} route(s) of another BIRD are in this network namespace: our BIRD does not write BGP routes to the kernel`,
    remedy:
      "stop the other BIRD, or set bird.kernelExport to always (the other BIRD's may be deleted) or never",
  };
}

type NexthopsMode = ResolvedAgentConfig['routes']['nexthops'];

/**
 * Nexthop groups need a kernel that has nexthop objects.
 *
 * @throws FlockError FLOCK_NO_NEXTHOP_GROUPS
 */
export async function requireNexthopObjects(
  nexthops: NexthopsMode,
  socket: Pick<RouteSocket, 'nexthopObjects'>,
): Promise<void> {
  if (nexthops === 'multipath') return;
  try {
    await socket.nexthopObjects();
  } catch (cause) {
    if ((cause as NativeError).code !== 'EOPNOTSUPP') throw cause;
    throw new FlockError('FLOCK_NO_NEXTHOP_GROUPS', 'this kernel has no nexthop objects', {
      value: nexthops,
      remedy: 'set routes.nexthops: multipath, or run Linux 5.3 or newer (5.13 for resilient groups)',
      cause,
    });
  }
}

/**
 * Why a BIRD in learn mode would announce nothing on this machine: BIRD learns routes through nexthop groups only if
 * the kernel also lists the nexthops.
 *
 * @returns FLOCK_BIRD_BLIND; undefined when BIRD can learn our routes
 */
export function whyBirdIsBlind(
  nexthops: NexthopsMode,
  sysctls: Sysctls = procSysctls,
): FlockError | undefined {
  if (nexthops === 'multipath' || sysctls.read('net/ipv4/nexthop_compat_mode') !== '0') return undefined;
  const message =
    'net.ipv4.nexthop_compat_mode is 0: BIRD gets the id of a nexthop group without its nexthops, and would announce nothing';
  return new FlockError('FLOCK_BIRD_BLIND', message, {
    value: nexthops,
    remedy:
      'sysctl -w net.ipv4.nexthop_compat_mode=1, or set routes.nexthops: multipath, or bird.mode: filter',
  });
}

/** Route protocol number of BIRD, `RTPROT_BIRD` of linux/rtnetlink.h. */
const birdProtocol = 12;

export interface PreflightOptions {
  config: ResolvedAgentConfig;
  socket: Pick<RouteSocket, 'dump'>;
  /** Interfaces that lead to pods, as far as they are known. */
  podInterfaces: Iterable<string>;
  log: Log;
  sysctls?: Sysctls;
}

/**
 * Runs all checks and logs each finding.
 * @returns whether BIRD may write BGP routes to the kernel
 */
export async function runPreflight({
  config,
  socket,
  podInterfaces,
  log,
  sysctls = procSysctls,
}: PreflightOptions): Promise<{ kernelExport: boolean }> {
  const { kernelExport, config: birdConfigPath } = config.bird;
  const findings = [
    ...checkHashPolicy(sysctls, config.sysctl.set),
    ...checkForwarding(sysctls),
    ...checkReversePathFilter(sysctls, podInterfaces),
  ];
  let exported = kernelExport === 'always';
  if (kernelExport === 'auto') {
    // A BIRD that already runs our configuration wrote these routes itself.
    const foreign = isOurs(birdConfigPath) ? 0 : await countRoutes(socket, config.routes.table);
    exported = foreign === 0;
    if (!exported) findings.push(foreignBird(foreign));
  }
  for (const { code, message, remedy } of findings) log.warn({ code, remedy }, message);
  return { kernelExport: exported };
}

async function countRoutes(socket: Pick<RouteSocket, 'dump'>, table: number): Promise<number> {
  let count = 0;
  for (const family of [4, 6] as const) {
    const dump = await socket.dump({ family, table, protocols: [birdProtocol] });
    for (const _ of readRoutes(dump)) count++;
  }
  return count;
}

function isOurs(birdConfigPath: string): boolean {
  try {
    return readTextFile(birdConfigPath, longestFile.birdConfig).startsWith(renderedMark);
  } catch {
    return false;
  }
}
