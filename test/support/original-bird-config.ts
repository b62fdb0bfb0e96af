/** The BIRD configuration of the original agent: the active set is in prefix sets of the export filters. */
import type { Destination } from '../../lib/base/address.ts';
import type { NodeConfig } from '../../lib/config/node-config.ts';

/** Sessions, timers and preferences are as in our own configuration, so that only the order differs. */
export function originalBirdConfig(nodeConfig: NodeConfig, active: readonly Destination[]): string {
  const { bgp, advertise } = nodeConfig;
  const families = [4, 6] as const;
  const only = (version: 4 | 6, prefixes: readonly string[]) =>
    prefixes.filter(prefix => prefix.includes(':') === (version === 6));
  return [
    'log stderr all;',
    `router id ${bgp.routerId};`,
    'graceful restart wait 30;',
    'protocol device { }',
    'protocol direct { ipv4; ipv6; }',
    ...families.flatMap(version => [
      staticRoutes(`own${version}`, version, only(version, advertise.prefixes)),
      staticRoutes(`anycast${version}`, version, only(version, active)),
      `protocol kernel kernel${version} {
  ipv${version} { import none; export filter { if source != RTS_BGP then reject; krt_metric = 32; accept; }; };
}`,
      exportFilter(version, only(version, [...advertise.prefixes, ...active])),
    ]),
    ...bgp.peers.map(
      ({ name, address, asn, families: channels }) => `protocol bgp peer_${name.replaceAll('-', '_')} {
  local as ${bgp.localAsn};
  neighbor ${address} as ${asn};
  direct;
  hold time 30; keepalive time 10;
  connect delay time 1; connect retry time 10; error wait time 1, 30;
  graceful restart on; graceful restart time 30;
${channels.map(channel => `  ${channel} { import all; export filter announced${channel.slice(-1)}; next hop self; };`).join('\n')}
}`,
    ),
    '',
  ].join('\n');
}

function staticRoutes(name: string, version: 4 | 6, prefixes: readonly string[]): string {
  const routes = prefixes.map(prefix => `  route ${prefix} unreachable;\n`).join('');
  return `protocol static ${name} {\n  ipv${version} { preference 200; };\n${routes}}`;
}

/** BIRD refuses an empty set. */
function exportFilter(version: 4 | 6, prefixes: readonly string[]): string {
  const body = prefixes.length === 0 ? 'reject;' : `if net ~ [ ${prefixes.join(', ')} ] then accept; reject;`;
  return `filter announced${version} { ${body} }`;
}
