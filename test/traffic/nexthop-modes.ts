/** The form of our agents' routes in a proof. */
export const nexthopModes = ['multipath', 'groups', 'resilient'] as const;
export type Nexthops = (typeof nexthopModes)[number];

/** `routes` of our agents' configuration: a bucket that was still for a second holds no connection of the load's. */
export function routesBy(nexthops: Nexthops): object {
  return { nexthops, ...(nexthops === 'resilient' && { resilient: { idleSeconds: 1 } }) };
}
