/** The configurations of the BIRDs in the plan's network: the router's, and a node's until its agent writes another. */
import { type Addresses, type NodePlan, nodes, router } from './plan.ts';

/** The configuration of a node's BIRD until the agent has written one. */
export function idleBirdConfig(node: NodePlan): string {
  return `router id ${node.address.ipv4};\nprotocol device {}\n`;
}

/**
 * An upstream router as an operator would set it up: a session with each node and family, equal paths merged
 * into one ECMP route, every node told of the others' routes, and a node whose BIRD restarts is waited for.
 */
export function routerBirdConfig(plans: readonly NodePlan[] = nodes): string {
  const families = ['ipv4', 'ipv6'] as const;
  return [
    'log stderr all;',
    `router id ${router.id};`,
    'protocol device {}',
    ...families.map(
      family => `protocol kernel kernel_${family} {
  merge paths yes;
  ${family} { import none; export where source = RTS_BGP; };
}`,
    ),
    ...plans.flatMap(node => families.map(family => routerSession(node, family))),
    '',
  ].join('\n');
}

/** The default delays of 5 seconds and more protect a real network; here they would only cost time. */
function routerSession(node: NodePlan, family: keyof Addresses): string {
  return `protocol bgp ${node.name}_${family} {
  local ${node.routerAddress[family]} as ${router.asn};
  neighbor ${node.address[family]} as ${node.asn};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  graceful restart on;
  ${family} { import all; export where source = RTS_BGP; next hop self; };
}`;
}
