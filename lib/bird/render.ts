/**
 * BIRD's configuration, from what the node config and the agent's own configuration say. Pure: the same input
 * gives the same bytes, so that "nothing changed" is a comparison of two strings.
 *
 * How a route becomes an announcement:
 *
 *   learn    kernel route, protocol `advertise` --learned--> BIRD's table --announced4/6--> peers
 *   filter   active address, a static route     -----------> BIRD's table --announced4/6--> peers
 *   both     BGP route of a peer -> BIRD's table --(kernelExport)--> kernel, metric 32
 *
 * Facts about BIRD 2.0.12 that shape it, each with a test on the real daemon in test/bird:
 * a learned route has preference 10 and loses to a BGP path (100) that the router reflects from another node,
 * which silently ends the announcement: ours have 200. And an export filter that changes makes BIRD send a
 * peer everything again: ours are constant, only the static routes change.
 */
import type { Destination } from '../address.ts';
import type { NodeConfig } from '../sources/node-config.ts';
import { renderPeer } from './render-peer.ts';
import { plain } from './words.ts';

export type BirdMode = 'learn' | 'filter';

/** The part of the agent's `routes` configuration that BIRD has to know. */
export interface BirdRoutes {
  /** Kernel table of our routes; 254 is main. */
  table: number;
  metric: number;
  protocols: { advertise: number; hold: number };
}

export interface BirdConfigInput {
  nodeConfig: NodeConfig;
  mode: BirdMode;
  routes: BirdRoutes;
  /** Whether the BGP routes received go into the kernel's main table. */
  kernelExport: boolean;
  /** What filter mode announces; learn mode does not look at it. */
  active: Iterable<Destination>;
  /** TCP MD5 passwords by the peer's name, as `readPasswords` gives them. */
  passwords: ReadonlyMap<string, string>;
}

/** The first line of what we render: a file that has it is ours to replace. */
export const renderedMark = '# Rendered by flock-anycast from the node config; changes made here are lost.';

const mainTable = 254;
/** Of BGP routes in the kernel: worse than ours (`routes.metric`, default 16), so that a local pod wins. */
const bgpMetric = 32;

const families = [
  { version: 4, channel: 'ipv4', hostLength: 32 },
  { version: 6, channel: 'ipv6', hostLength: 128 },
] as const;
type FamilyWords = (typeof families)[number];

/**
 * @returns a complete configuration for BIRD 2
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID for a value that could mean more to BIRD than it says;
 *   none that the node config's schema lets through does
 */
export function renderBirdConfig(input: BirdConfigInput): string {
  const { nodeConfig, passwords } = input;
  const { bgp, advertise } = nodeConfig;
  const active = [...new Set(input.active)].sort();
  const blocks = [
    renderedMark,
    // Without this a foreground BIRD, as in a container or systemd's unit, logs to syslog alone.
    'log stderr all;',
    `router id ${plain(bgp.routerId)};`,
    // Of a BIRD started with -R: how long it waits for peers that do not come before it touches the kernel.
    'graceful restart wait 30;',
    'protocol device { }',
    ...(input.kernelExport ? [onLinkRoutes] : []),
    ...families.flatMap(family => [
      staticRoutes(`own${family.version}`, family, advertise.prefixes),
      ...(input.mode === 'learn' ? learnedRoutes(family, input) : activeRoutes(family, input, active)),
      announced(family, input.mode),
    ]),
    ...bgp.peers.map(peer => renderPeer(peer, bgp.localAsn, passwords.get(peer.name))),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** The host prefixes that a text of ours announces in filter mode; empty for a text that is not ours. */
export function announcedIn(text: string): ReadonlySet<Destination> {
  if (!text.startsWith(renderedMark)) return new Set();
  return new Set(
    Array.from(text.matchAll(/^ {2}route (\S+\/(?:32|128)) unreachable;$/gm), ([, route]) => String(route)),
  );
}

/**
 * A router that announces the link's own subnet would otherwise take the neighbours' traffic: the kernel's
 * IPv6 subnet routes have metric 256, BGP's 32. Preference 240 keeps the subnet BIRD's best and out of the
 * kernel protocol; next hops of multihop peers are resolved by it too.
 */
const onLinkRoutes = `protocol direct {
  ipv4;
  ipv6;
}`;

function learnedRoutes(family: FamilyWords, { routes, kernelExport }: BirdConfigInput): string[] {
  const { version, hostLength } = family;
  const filter = `filter ours${version} {
  if krt_source = ${plain(routes.protocols.advertise)} && net.len = ${hostLength} then {
    preference = 200;
    accept;
  }
  reject;
}`;
  if (routes.table === mainTable) {
    return [filter, kernel(family, { imports: `filter ours${version}`, kernelExport })];
  }
  // One BIRD table for each kernel table is BIRD's rule; a pipe brings ours to where the peers are.
  const table = `anycast${version}`;
  return [
    filter,
    `${family.channel} table ${table};`,
    kernel(family, {
      imports: `filter ours${version}`,
      kernelExport: false,
      table,
      kernelTable: routes.table,
    }),
    `protocol pipe pipe${version} {
  table ${table};
  peer table master${version};
  import none;
  export all;
}`,
    ...(kernelExport ? [kernel(family, { imports: 'none', kernelExport })] : []),
  ];
}

function activeRoutes(
  family: FamilyWords,
  { kernelExport }: BirdConfigInput,
  active: Destination[],
): string[] {
  return [
    staticRoutes(`anycast${family.version}`, family, active),
    ...(kernelExport ? [kernel(family, { imports: 'none', kernelExport })] : []),
  ];
}

/** `unreachable` gives BGP something to announce; no kernel protocol takes static routes. */
function staticRoutes(name: string, { channel, version }: FamilyWords, prefixes: readonly string[]): string {
  const routes = prefixes
    .filter(prefix => prefix.includes(':') === (version === 6))
    .map(prefix => `  route ${plain(prefix)} unreachable;\n`);
  return `protocol static ${name} {
  ${channel} { preference 200; };
${routes.join('')}}`;
}

interface KernelWords {
  imports: string;
  kernelExport: boolean;
  /** BIRD's table. Default: master. */
  table?: string;
  /** The kernel's. Default: main. */
  kernelTable?: number;
}

/**
 * The receive buffer holds a burst: with the default one BIRD saw 3,733 of 10,000 routes at once, the rest at
 * its next scan. The scan also finds what the kernel never tells (IPv4 routes that go with an address).
 * A path that has no next hop now must not become an `unreachable` route in the kernel: hence RTD_UNICAST.
 */
function kernel({ channel, version }: FamilyWords, words: KernelWords): string {
  const { imports, kernelExport, table, kernelTable } = words;
  const learns = imports !== 'none';
  const lines = [
    ...(kernelTable === undefined ? [] : [`kernel table ${plain(kernelTable)};`]),
    ...(learns ? ['learn;'] : []),
    'scan time 10;',
    'netlink rx buffer 67108864;',
    `metric ${bgpMetric};`,
    ...(kernelExport ? ['merge paths on;'] : []),
    `${channel} {`,
    ...(table === undefined ? [] : [`  table ${table};`]),
    `  import ${imports};`,
    `  export ${kernelExport ? 'where source = RTS_BGP && dest = RTD_UNICAST' : 'none'};`,
    '};',
  ];
  const name = `${learns ? 'learn' : 'kernel'}${version}`;
  return `protocol kernel ${name} {\n${lines.map(line => `  ${line}\n`).join('')}}`;
}

/** The export filter of every peer. No transit: what a peer sent never goes to another. */
function announced({ version }: FamilyWords, mode: BirdMode): string {
  const ours = mode === 'learn' ? `learn${version}` : `anycast${version}`;
  return `filter announced${version} {
  if proto = "${ours}" || proto = "own${version}" then accept;
  reject;
}`;
}
