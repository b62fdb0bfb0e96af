/** The plan of the network of the demo and of the traffic proof: all hosts and addresses, from documentation and private ranges. */

/** The anycast addresses that all four pods bind. */
export const anycast = { ipv4: '192.0.2.53', ipv6: '2001:db8:53::53' } as const;
export const anycastAddresses: readonly string[] = Object.values(anycast);
export const servicePort = 80;

/** Where an agent serves /status and /metrics, in its node's own namespace. */
export const statusAddress = '127.0.0.1:9470';

export interface Addresses {
  ipv4: string;
  ipv6: string;
}

export interface PodPlan {
  name: string;
  node: string;
  uid: string;
  /** The node's end of the pod's veth; the pod's end is `eth0`. */
  hostInterface: string;
  address: Addresses;
  /** The node's address on the pod's link. */
  gateway: Addresses;
}

export interface NodePlan {
  name: string;
  asn: number;
  /** Its address on the link to the router, interface `uplink`. */
  address: Addresses;
  /** The router's address on that link. */
  routerAddress: Addresses;
  /** The router's end of that link. */
  routerInterface: string;
  podPrefixes: string[];
  pods: PodPlan[];
}

export const router = { asn: 64512, id: '10.0.0.1', clientInterface: 'to-client' } as const;

export const client = {
  address: { ipv4: '198.51.100.2', ipv6: '2001:db8:c::2' },
  gateway: { ipv4: '198.51.100.1', ipv6: '2001:db8:c::1' },
} as const;

export const nodes: readonly [NodePlan, NodePlan] = [node(1), node(2)];
export const pods: readonly PodPlan[] = nodes.flatMap(each => each.pods);

/** @param letters one for each of its pods */
export function node(number: number, letters = 'ab'): NodePlan {
  const name = `node${number}`;
  return {
    name,
    asn: router.asn + number,
    address: { ipv4: `10.0.${number}.2`, ipv6: `fd00:0:0:${number}::2` },
    routerAddress: { ipv4: `10.0.${number}.1`, ipv6: `fd00:0:0:${number}::1` },
    routerInterface: `to-${name}`,
    podPrefixes: [`10.244.${number}.0/24`, `fd00:244:${number}::/48`],
    pods: [...letters].map((letter, index) => {
      const block = (index + 1) * 16;
      return {
        name: `web-${number}${letter}`,
        node: name,
        uid: `00000000-0000-4000-8000-0000000000${number}${letter}`,
        hostInterface: `flock${number}${letter}`,
        address: { ipv4: `10.244.${number}.${block + 2}`, ipv6: `fd00:244:${number}:${index + 1}::2` },
        gateway: { ipv4: `10.244.${number}.${block + 1}`, ipv6: `fd00:244:${number}:${index + 1}::1` },
      };
    }),
  };
}
