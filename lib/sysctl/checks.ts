/**
 * What of the node's settings harms traffic. Pure but for the reading of sysctls.
 *
 * Sources: Documentation/networking/ip-sysctl.rst of the kernel (fib_multipath_hash_policy, ip_forward, forwarding,
 * force_forwarding, rp_filter, accept_ra, nexthop_compat_mode); the effect of each was measured.
 */
import type { Family } from '../base/address.ts';
import { dotted, type Sysctls } from './sysctls.ts';

/** Stable, for alerting. */
export const findingCodes = [
  'PREFLIGHT_FORWARDING',
  'PREFLIGHT_ACCEPT_RA',
  'PREFLIGHT_HASH_POLICY',
  'PREFLIGHT_RP_FILTER',
  'FLOCK_BIRD_BLIND',
] as const;

export interface Finding {
  code: (typeof findingCodes)[number];
  /** The sysctl that is wrong; there is one finding for each. */
  key: string;
  /** What may be set without asking a person; undefined where something else comes first. */
  right?: string;
  message: string;
  remedy: string;
  /** The family that this node can not forward while it stands. */
  unforwarded?: Family;
}

/** What the checks of the node as a whole depend on. */
export interface NodeUse {
  /** Families that are announced. */
  families: ReadonlySet<Family>;
  podInterfaces: ReadonlySet<string>;
  /** Links that lead to an IPv6 default route of a router advertisement; undefined when that is not known. */
  advertisedDefaults: readonly string[] | undefined;
  /** Whether BIRD learns routes through nexthop groups from the kernel. */
  learnsGroups: boolean;
}

/** Folders of `net/ipv4/conf` that are no interfaces. */
const notInterfaces: ReadonlySet<string> = new Set(['all', 'default']);
const ipv6Forwarding = 'net/ipv6/conf/all/forwarding';

export function checkNode(sysctls: Sysctls, use: NodeUse): Finding[] {
  return [
    ...checkForwarding(sysctls, use),
    ...checkHashPolicy(sysctls, use.families),
    ...checkCompatMode(sysctls, use.learnsGroups),
  ];
}

/** Whether forwarding of IPv6 is off for the node as a whole: only then router advertisements matter. */
export function mayTurnIpv6ForwardingOn(sysctls: Sysctls): boolean {
  return sysctls.read(ipv6Forwarding) === '0';
}

/**
 * A node that does not forward a family must not announce its addresses. The switch of the whole node counts, unless an
 * interface that does not lead to a pod forwards by a switch of its own.
 *
 * Turning it on for IPv6 removes the default route of a router advertisement at once where `accept_ra` is 1
 * (`addrconf_fixup_forwarding` of net/ipv6/addrconf.c), and the node's other traffic with it. 0 is left out: a program
 * (systemd-networkd) has made the route, and it stays.
 */
export function checkForwarding(sysctls: Sysctls, use: Omit<NodeUse, 'learnsGroups'>): Finding[] {
  const findings: Finding[] = [];
  if (use.families.has(4) && isOff(sysctls, 'net/ipv4/ip_forward', 'ipv4/conf/*/forwarding', use)) {
    findings.push(unforwarded(4, 'net/ipv4/ip_forward'));
  }
  if (!use.families.has(6) || !isOff(sysctls, ipv6Forwarding, 'ipv6/conf/*/force_forwarding', use))
    return findings;
  const finding = unforwarded(6, ipv6Forwarding);
  const endangered = use.advertisedDefaults?.filter(
    link => sysctls.read(`net/ipv6/conf/${link}/accept_ra`) === '1',
  );
  if (endangered?.length === 0) return [...findings, finding];
  const { right, ...unsettable } = finding;
  const first = (endangered ?? []).map(link => acceptRa(link));
  const remedy = [...first, finding].map(each => each.remedy).join(', then ');
  return [...findings, ...first, { ...unsettable, remedy }];
}

function isOff(
  sysctls: Sysctls,
  key: string,
  byInterface: string,
  { podInterfaces }: Pick<NodeUse, 'podInterfaces'>,
): boolean {
  if (sysctls.read(key) !== '0') return false;
  const [folder = '', name] = `net/${byInterface}`.split('/*/');
  return !sysctls
    .list(folder)
    .some(
      each =>
        each !== 'lo' &&
        !notInterfaces.has(each) &&
        !podInterfaces.has(each) &&
        sysctls.read(`${folder}/${each}/${name}`) === '1',
    );
}

function unforwarded(family: Family, key: string): Finding {
  return {
    code: 'PREFLIGHT_FORWARDING',
    key,
    right: '1',
    message: `${dotted(key)} is 0: this node does not forward IPv${family}, and announces none of its IPv${family} addresses`,
    remedy: `sysctl -w ${dotted(key)}=1`,
    unforwarded: family,
  };
}

function acceptRa(link: string): Finding {
  const key = `net/ipv6/conf/${link}/accept_ra`;
  return {
    code: 'PREFLIGHT_ACCEPT_RA',
    key,
    message: `${dotted(key)} is 1: ${dotted(ipv6Forwarding)}=1 removes the IPv6 default route of this node, which comes by router advertisements`,
    remedy: `sysctl -w ${dotted(key)}=2`,
  };
}

/** Per-flow ECMP needs the hash to include ports: with policy 0 all flows between two hosts take one path. */
export function checkHashPolicy(sysctls: Sysctls, families: ReadonlySet<Family>): Finding[] {
  return [...families]
    .map(family => `net/ipv${family}/fib_multipath_hash_policy`)
    .filter(key => sysctls.read(key) === '0')
    .map(key => ({
      code: 'PREFLIGHT_HASH_POLICY',
      key,
      right: '1',
      message: `${dotted(key)} is 0: all flows between two hosts use the same nexthop`,
      remedy: `sysctl -w ${dotted(key)}=1`,
    }));
}

/** BIRD learns routes through nexthop groups only if the kernel also lists the nexthops. */
export function checkCompatMode(sysctls: Sysctls, learnsGroups: boolean): Finding[] {
  const key = 'net/ipv4/nexthop_compat_mode';
  if (!learnsGroups || sysctls.read(key) !== '0') return [];
  return [
    {
      code: 'FLOCK_BIRD_BLIND',
      key,
      right: '1',
      message: `${dotted(key)} is 0: BIRD gets the id of a nexthop group without its nexthops, and would announce nothing`,
      remedy: `sysctl -w ${dotted(key)}=1, or set routes.nexthops: multipath, or bird.mode: filter`,
    },
  ];
}

/**
 * Strict reverse-path filtering on a pod's interface drops what the pod still answers after its route was removed:
 * 0 of 5 answers arrived, with another pod's route and with the BGP path alike; with loose (2) or off, all arrived.
 * An interface that does not forward IPv4, on a node that does, drops all answers.
 *
 * @param name of an interface that leads to a pod; one that does not exist is right
 */
export function checkPodInterface(sysctls: Sysctls, name: string, families: ReadonlySet<Family>): Finding[] {
  if (!families.has(4) || notInterfaces.has(name)) return [];
  const findings: Finding[] = [];
  const filter = `net/ipv4/conf/${name}/rp_filter`;
  const own = sysctls.read(filter);
  // The kernel uses the larger of the two (ip-sysctl.rst).
  if (own !== undefined && Math.max(Number(own), Number(sysctls.read('net/ipv4/conf/all/rp_filter'))) === 1) {
    findings.push({
      code: 'PREFLIGHT_RP_FILTER',
      key: filter,
      right: '2',
      message: `${name} has strict reverse-path filtering: the kernel drops answers of the pod as soon as its route is removed`,
      remedy: `sysctl -w ${dotted(filter)}=2`,
    });
  }
  const forwarding = `net/ipv4/conf/${name}/forwarding`;
  if (sysctls.read(forwarding) === '0' && sysctls.read('net/ipv4/ip_forward') === '1') {
    findings.push({
      code: 'PREFLIGHT_FORWARDING',
      key: forwarding,
      right: '1',
      message: `${dotted(forwarding)} is 0: this node drops what the pod behind ${name} answers by IPv4`,
      remedy: `sysctl -w ${dotted(forwarding)}=1`,
    });
  }
  return findings;
}
