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
import type { Destination } from '../base/address.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { BirdMode } from './mode.ts';
import { plain } from './quoting.ts';
import { exportFilter } from './render-filter.ts';
import { bfd, renderPeer } from './render-peer.ts';

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
  /** What our routes had under former configurations: learned as well, while they are moved. */
  formerRoutes?: readonly BirdRoutes[];
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
  const isAnnounced = { ipv4: announcedBy(families[0], input), ipv6: announcedBy(families[1], input) };
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
      exportFilter(`announced${family.version}`, isAnnounced[family.channel]),
    ]),
    ...(bgp.peers.some(peer => peer.bfd) ? [bfd] : []),
    ...bgp.peers.map(peer =>
      renderPeer(peer, { localAsn: bgp.localAsn, password: passwords.get(peer.name), isAnnounced }),
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** The destinations that a text of ours announces by itself, in filter mode; empty for a text that is not ours. */
export function announcedIn(text: string): ReadonlySet<Destination> {
  if (!text.startsWith(renderedMark)) return new Set();
  const blocks = text.split('\n\n').filter(block => /^protocol static anycast[46] /.test(block));
  return new Set(
    Array.from(blocks.join('\n').matchAll(/^ {2}route (\S+) unreachable;$/gm), ([, route]) => String(route)),
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

/** For each kernel table that BIRD learns from, the protocol numbers that it learns; none to learn nothing. */
function learnedNumbers({ routes, formerRoutes = [], kernelExport }: BirdConfigInput): Map<number, number[]> {
  const learned = new Map<number, number[]>(kernelExport ? [[mainTable, []]] : []);
  for (const { table, protocols } of [routes, ...formerRoutes]) {
    learned.set(table, [...new Set([...(learned.get(table) ?? []), protocols.advertise])]);
  }
  return learned;
}

/**
 * What belongs to a kernel table is named after it, and main's protocol learns even where it imports nothing:
 * BIRD restarts a protocol whose name, table or `learn` changes, and drops its routes meanwhile.
 */
function learnedRoutes(family: FamilyWords, input: BirdConfigInput): string[] {
  return [...learnedNumbers(input)].flatMap(([table, numbers]) => {
    const suffix = suffixOf(family, table);
    const imports = numbers.length === 0 ? 'none' : `filter ours${suffix}`;
    const filter = numbers.length === 0 ? [] : [ours(family, suffix, numbers)];
    if (table === mainTable) {
      const { kernelExport } = input;
      return [...filter, kernel(family, { name: `learn${suffix}`, learns: true, imports, kernelExport })];
    }
    // One BIRD table for each kernel table is BIRD's rule; a pipe brings ours to where the peers are.
    const own = { table: `anycast${suffix}`, kernelTable: table };
    return [
      ...filter,
      `${family.channel} table ${own.table};`,
      kernel(family, { name: `learn${suffix}`, learns: true, imports, kernelExport: false, ...own }),
      `protocol pipe pipe${suffix} {
  table ${own.table};
  peer table master${family.version};
  import none;
  export all;
}`,
    ];
  });
}

/** The protocols of BIRD that learn from a kernel table. */
export function learningProtocols(table: number): string[] {
  return families.map(family => `learn${suffixOf(family, table)}`);
}

/** `4` for main, `4_100` for table 100. */
function suffixOf({ version }: FamilyWords, table: number): string {
  return table === mainTable ? `${version}` : `${version}_${plain(table)}`;
}

function ours({ hostLength }: FamilyWords, suffix: string, numbers: readonly number[]): string {
  const [first = 0, ...more] = numbers;
  const ofOurs = more.length === 0 ? `= ${plain(first)}` : `~ [${numbers.map(plain).join(', ')}]`;
  return `filter ours${suffix} {
  if krt_source ${ofOurs} && net.len = ${hostLength} then {
    preference = 200;
    accept;
  }
  reject;
}`;
}

function activeRoutes(
  family: FamilyWords,
  { kernelExport }: BirdConfigInput,
  active: Destination[],
): string[] {
  return [
    staticRoutes(`anycast${family.version}`, family, active),
    ...(kernelExport
      ? [kernel(family, { name: `kernel${family.version}`, learns: false, imports: 'none', kernelExport })]
      : []),
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
  name: string;
  learns: boolean;
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
function kernel({ channel }: FamilyWords, words: KernelWords): string {
  const { name, learns, imports, kernelExport, table, kernelTable } = words;
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
  return `protocol kernel ${name} {\n${lines.map(line => `  ${line}\n`).join('')}}`;
}

/** The condition of every export filter. No transit: what a peer sent never goes to another. */
function announcedBy(family: FamilyWords, input: BirdConfigInput): string {
  const { version } = family;
  const ours =
    input.mode === 'filter'
      ? [`anycast${version}`]
      : [...learnedNumbers(input)]
          .filter(([, numbers]) => numbers.length > 0)
          .map(([table]) => `learn${suffixOf(family, table)}`);
  return [...ours, `own${version}`].map(name => `proto = "${name}"`).join(' || ');
}
