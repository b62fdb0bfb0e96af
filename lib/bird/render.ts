/**
 * Renders BIRD's configuration from the node config and the agent's own configuration. Pure: the same input
 * gives the same bytes, so two strings are compared to see whether anything changed.
 *
 * How a route becomes an announcement:
 *
 *   learn    kernel route, protocol `advertise` --learned--> BIRD's table --announced4/6--> peers
 *   filter   active address, a static route     -----------> BIRD's table --announced4/6--> peers
 *   both     BGP route of a peer -> BIRD's table --(kernelExport)--> kernel, metric 32
 *
 * Facts about BIRD behind this, each with a test on the real daemon in test/bird:
 * - A learned route has preference 10 and loses to a BGP path (100) that the router reflects from another node,
 *   which ends the announcement without an error. Our routes have 200.
 * - When an export filter changes, BIRD sends all routes to the peer again. Our filters are constant; only the
 *   static routes change.
 */

import type { Destination } from '../base/address.ts';
import { mainTable } from '../base/routing-table.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { BirdMode } from './mode.ts';
import { plain } from './quoting.ts';
import { exportFilter } from './render-filter.ts';
import { kernelProtocol } from './render-kernel.ts';
import { bfd, renderPeer } from './render-peer.ts';
import { traitsOf } from './versions.ts';

/** The part of the agent's `routes` configuration that BIRD's configuration depends on. */
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
  /** The same of former configurations, while their routes are moved: BIRD learns those routes too. */
  formerRoutes?: readonly BirdRoutes[];
  /** Whether the BGP routes received go into the kernel's main table. */
  kernelExport: boolean;
  /** What filter mode announces; learn mode ignores it. */
  active: Iterable<Destination>;
  /** TCP MD5 passwords by the peer's name, from `readPasswords`. */
  passwords: ReadonlyMap<string, string>;
  /** This node's global IPv6 addresses by interface, for peers with a link-local address. */
  linkAddresses?: ReadonlyMap<string, string>;
  /** BIRD's, such as `2.0.12`; undefined while it is not known. `versions.ts` says what follows from it. */
  birdVersion?: string | undefined;
}

/** The first line of every file that we render: a file that begins with it may be replaced. */
export const renderedMark = '# Rendered by flock-anycast from the node config; changes made here are lost.';

const versionMark = '# For BIRD ';

/**
 * How long a BIRD started with -R waits for its peers. Until then it tells no peer anything, so a peer that does not
 * come back makes all others forward to pods that are gone; nothing but this time ends the wait for it (a `restart` of
 * its protocol does not). Sessions with the others are up within a second (`connect delay time 1`). A peer that comes
 * later forgets our routes for the moment until it gets them again.
 */
const recoverySeconds = 2;

const families = [
  { version: 4, channel: 'ipv4', hostLength: 32 },
  { version: 6, channel: 'ipv6', hostLength: 128 },
] as const;
type FamilySyntax = (typeof families)[number];

/**
 * @returns a complete configuration for BIRD 2
 * @throws FlockError FLOCK_NODE_CONFIG_INVALID for a value that could inject BIRD syntax; the node config's schema
 *   accepts none
 */
export function renderBirdConfig(input: BirdConfigInput): string {
  const { nodeConfig, passwords } = input;
  const { bgp, advertise } = nodeConfig;
  const active = [...new Set(input.active)].sort();
  const isAnnounced = { ipv4: announcedBy(families[0], input), ipv6: announcedBy(families[1], input) };
  const blocks = [
    renderedMark,
    // Not of a version with letters, such as of a build from a repository.
    ...(/^[\d.]+$/.test(input.birdVersion ?? '') ? [`${versionMark}${input.birdVersion}`] : []),
    // Without this a foreground BIRD, as in a container or systemd's unit, logs to syslog alone.
    'log stderr all;',
    `router id ${plain(bgp.routerId)};`,
    `graceful restart wait ${recoverySeconds};`,
    'protocol device { }',
    ...(input.kernelExport ? [onLinkRoutes] : []),
    ...families.flatMap(family => [
      staticRoutes(`own${family.version}`, family, advertise.prefixes),
      ...(input.mode === 'learn' ? learnedRoutes(family, input) : activeRoutes(family, input, active)),
      exportFilter(`announced${family.version}`, isAnnounced[family.channel]),
    ]),
    ...(bgp.peers.some(peer => peer.bfd) ? [bfd] : []),
    ...bgp.peers.map(peer =>
      renderPeer(peer, {
        localAsn: bgp.localAsn,
        password: passwords.get(peer.name),
        isAnnounced,
        linkAddresses: input.linkAddresses ?? new Map(),
        traits: traitsOf(input.birdVersion),
      }),
    ),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** The destinations that a rendered text itself announces (filter mode); empty for a text that we did not render. */
export function announcedIn(text: string): ReadonlySet<Destination> {
  if (!text.startsWith(renderedMark)) return new Set();
  const blocks = text.split('\n\n').filter(block => /^protocol static anycast[46] /.test(block));
  return new Set(
    Array.from(blocks.join('\n').matchAll(/^ {2}route (\S+) unreachable;$/gm), ([, route]) => String(route)),
  );
}

/** The version of BIRD that a text was rendered for; undefined for one that says none, or that we did not render. */
export function versionIn(text: string): string | undefined {
  if (!text.startsWith(renderedMark)) return undefined;
  return text
    .split('\n')
    .find(line => line.startsWith(versionMark))
    ?.slice(versionMark.length);
}

/**
 * Without this, a router that announces the link's own subnet would get the traffic to the neighbours: the kernel's
 * IPv6 subnet routes have metric 256, BGP routes 32. Preference 240 makes the direct route BIRD's best, so that the
 * BGP route is not exported to the kernel. BIRD also resolves next hops of multihop peers by the direct routes.
 */
const onLinkRoutes = `protocol direct {
  ipv4;
  ipv6;
}`;

/** For each kernel table that BIRD has a protocol for, the route protocol numbers to learn; none: learn nothing. */
function learnedNumbers({ routes, formerRoutes = [], kernelExport }: BirdConfigInput): Map<number, number[]> {
  const learned = new Map<number, number[]>(kernelExport ? [[mainTable, []]] : []);
  for (const { table, protocols } of [routes, ...formerRoutes]) {
    learned.set(table, [...new Set([...(learned.get(table) ?? []), protocols.advertise])]);
  }
  return learned;
}

/**
 * BIRD restarts a protocol whose name, table or `learn` changes, and drops its routes meanwhile. So the names contain
 * the kernel table, and the protocol of table main always has `learn`, even where it imports nothing.
 */
function learnedRoutes(family: FamilySyntax, input: BirdConfigInput): string[] {
  return [...learnedNumbers(input)].flatMap(([table, numbers]) => {
    const suffix = suffixOf(family, table);
    const imports = numbers.length === 0 ? 'none' : `filter ours${suffix}`;
    const filter = numbers.length === 0 ? [] : [ours(family, suffix, numbers)];
    const { scanSeconds } = traitsOf(input.birdVersion);
    const learner = { name: `learn${suffix}`, learns: true, imports, scanSeconds };
    if (table === mainTable) {
      const { kernelExport } = input;
      return [...filter, kernelProtocol(family.channel, { ...learner, kernelExport })];
    }
    // BIRD needs one table of its own for each kernel table; a pipe copies our routes to the peers' table.
    const own = { table: `anycast${suffix}`, kernelTable: table };
    return [
      ...filter,
      `${family.channel} table ${own.table};`,
      kernelProtocol(family.channel, { ...learner, kernelExport: false, ...own }),
      `protocol pipe pipe${suffix} {
  table ${own.table};
  peer table master${family.version};
  import none;
  export all;
}`,
    ];
  });
}

/** The names of BIRD's protocols that learn from a kernel table. */
export function learningProtocols(table: number): string[] {
  return families.map(family => `learn${suffixOf(family, table)}`);
}

/** The names of all BIRD protocols by which routes of a kernel table come to the peers' table. */
export function tableProtocols(table: number): string[] {
  const pipes = table === mainTable ? [] : families.map(family => `pipe${suffixOf(family, table)}`);
  return [...learningProtocols(table), ...pipes];
}

/** `4` for main, `4_100` for table 100. */
function suffixOf({ version }: FamilySyntax, table: number): string {
  return table === mainTable ? `${version}` : `${version}_${plain(table)}`;
}

function ours({ hostLength }: FamilySyntax, suffix: string, numbers: readonly number[]): string {
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

function activeRoutes(family: FamilySyntax, input: BirdConfigInput, active: Destination[]): string[] {
  return [
    staticRoutes(`anycast${family.version}`, family, active),
    ...(input.kernelExport
      ? [
          kernelProtocol(family.channel, {
            name: `kernel${family.version}`,
            learns: false,
            imports: 'none',
            kernelExport: true,
            scanSeconds: traitsOf(input.birdVersion).scanSeconds,
          }),
        ]
      : []),
  ];
}

/** An `unreachable` route is there for BGP to announce; the kernel protocols do not export static routes. */
function staticRoutes(name: string, { channel, version }: FamilySyntax, prefixes: readonly string[]): string {
  const routes = prefixes
    .filter(prefix => prefix.includes(':') === (version === 6))
    .map(prefix => `  route ${plain(prefix)} unreachable;\n`);
  return `protocol static ${name} {
  ${channel} { preference 200; };
${routes.join('')}}`;
}

/** The condition of every export filter. No transit: routes from one peer are never exported to another. */
function announcedBy(family: FamilySyntax, input: BirdConfigInput): string {
  const { version } = family;
  const ours =
    input.mode === 'filter'
      ? [`anycast${version}`]
      : [...learnedNumbers(input)]
          .filter(([, numbers]) => numbers.length > 0)
          .map(([table]) => `learn${suffixOf(family, table)}`);
  return [...ours, `own${version}`].map(name => `proto = "${name}"`).join(' || ');
}
