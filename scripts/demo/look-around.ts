/** The output of `--keep`: commands to inspect the demo, and how to end it. */
import { readFileSync } from 'node:fs';
import { anycast, nodes, statusAddress } from '../../test/support/anycast-net/plan.ts';
import type { Topology } from '../../test/support/anycast-net/topology.ts';
import type { Namespace } from '../../test/support/lab.ts';
import type { Programs } from './programs.ts';

export function lookAround(topology: Topology, programs: Programs): string {
  const [node1] = nodes;
  const [pod] = node1.pods;
  const client = inside(topology.client);
  const router = inside(topology.router);
  const node = inside(topology.nodes.get(node1.name));
  return `It stays up until Ctrl-C here, or: kill ${process.pid}
In another terminal:

  who answers       ${client} curl -s http://${anycast.ipv4}
                    ${client} curl -s http://[${anycast.ipv6}]
  the router        ${router} ip route show ${anycast.ipv4}
                    ${router} birdc -s ${programs.birdSocket('router')} show route for ${anycast.ipv4}
  ${node1.name}'s kernel    ${node} ip -6 route show ${anycast.ipv6}
  ${node1.name}'s agent     ${node} curl -s http://${statusAddress}/status
  a pod not Ready   sed -i s/True/False/ ${pod === undefined ? '' : programs.podFiles.path(pod)}
`;
}

/** The prefix of a command that runs in a namespace of the demo. */
function inside(namespace: Namespace | undefined): string {
  // Names of namespaces that were made in a user namespace are visible only inside it.
  const wholeMachine = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  const enter = wholeMachine ? '' : `nsenter -t ${process.pid} -U -m --preserve-credentials `;
  return `${enter}ip netns exec ${namespace?.name}`;
}
