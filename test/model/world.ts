/** The model: the state of a node, and the routes that its kernel must have at a quiet point. Pure. */
export const podCount = 3;
export const destinations = ['192.0.2.1/32', '192.0.2.2/32', '2001:db8::1/128', '2001:db8::2/128'] as const;
export type Destination = (typeof destinations)[number];

export interface ModelPod {
  /** Undefined while there is no such pod. */
  uid: string | undefined;
  ready: boolean;
  terminating: boolean;
  /** Undefined while nothing is allocated to it. */
  allocation: { uid: string; destinations: readonly Destination[] } | undefined;
  /** The host's end of its veth. */
  link: 'up' | 'down' | 'absent';
  /** Whether the node has the IPv4 address that its gateway is reached by. */
  address: boolean;
}

export interface World {
  pods: ModelPod[];
  /** Destinations where another owner's route has our key. */
  conflicts: Set<Destination>;
  /** Other routes of other owners. */
  foreign: Set<string>;
  nextUid: number;
}

/** Every pod serves every destination, so that most steps have an effect. */
export function servingWorld(): World {
  return {
    pods: Array.from({ length: podCount }, (_, index) => ({
      uid: `u${index}`,
      ready: true,
      terminating: false,
      allocation: { uid: `u${index}`, destinations },
      link: 'up' as const,
      address: true,
    })),
    conflicts: new Set(),
    foreign: new Set(),
    nextUid: podCount,
  };
}

export const viaOf = (pod: number, family: 4 | 6) =>
  family === 4 ? `10.1.${pod + 1}.2` : `fd00:1:${pod + 1}::2`;
export const familyOf = (destination: string): 4 | 6 => (destination.includes(':') ? 6 : 4);

/** Our routes at a quiet point: for each destination the nexthops it must have, and those it may have. */
export function expectedRoutes({ pods, conflicts }: World): Map<string, { must: string[]; may: string[] }> {
  const routes = new Map<string, { must: string[]; may: string[] }>();
  for (const destination of destinations) {
    if (conflicts.has(destination)) continue;
    const family = familyOf(destination);
    const must: string[] = [];
    const may: string[] = [];
    for (const [index, { uid, ready, terminating, allocation, link, address }] of pods.entries()) {
      const eligible = uid !== undefined && ready && !terminating;
      const allocated = allocation?.uid === uid && allocation?.destinations.includes(destination);
      if (!eligible || !allocated || link !== 'up') continue;
      // Without the address in its subnet the kernel refuses a new route through a gateway, but drops an old one
      // only when that nexthop is its last; either is right.
      const reachable = family === 6 || address;
      (reachable ? must : may).push(`${viaOf(index, family)}%p${index}`);
    }
    routes.set(destination, { must, may });
  }
  return routes;
}

/** Why routes seen in the kernel are not what must be there; undefined when they are. */
export function whyWrong(world: World, seen: ReadonlyMap<string, string[]>): string | undefined {
  const expected = expectedRoutes(world);
  for (const [destination, { must, may }] of expected) {
    const nexthops = seen.get(destination) ?? [];
    const missing = must.filter(nexthop => !nexthops.includes(nexthop));
    const surplus = nexthops.filter(nexthop => !must.includes(nexthop) && !may.includes(nexthop));
    if (missing.length + surplus.length > 0) {
      return `${destination} leads to [${nexthops}]; it must lead to [${must}], and may to [${may}]`;
    }
  }
  const surplus = [...seen.keys()].filter(destination => !expected.has(destination));
  return surplus.length > 0 ? `${surplus} must not be there` : undefined;
}
