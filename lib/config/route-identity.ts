/** The identity of our routes: table, metric and protocol number together. Pure. */
import { z } from 'zod';

/**
 * Route protocol numbers of other programs: RTPROT_* of linux/rtnetlink.h, and /etc/iproute2/rt_protos. With one of
 * these as ours, we would delete their routes.
 */
const othersProtocols: Readonly<Record<number, string>> = {
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  17: 'mrouted',
  18: 'keepalived',
  42: 'babel',
  84: 'ovn',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

/** A number that no other program is known to use; the kernel reserves 0 to 4. */
export const protocolNumber = z
  .int()
  .min(5)
  .max(255)
  .superRefine((value, context) => {
    const owner = othersProtocols[value];
    if (owner !== undefined)
      context.addIssue({ code: 'custom', message: `${value} is the number of ${owner}` });
  });

export const tableNumber = z.int().min(1).max(0xffffffff);
/** The worst of all is that of the unreachable routes of prefixes (`kernel/socket/prefix-route.ts`). */
export const metricNumber = z.int().min(1).max(0xfffffffe);

export const routeIdentitySchema = z.strictObject({
  /** 254 is main. */
  table: tableNumber,
  metric: metricNumber,
  protocols: z.strictObject({ advertise: protocolNumber, hold: protocolNumber }),
});

export type RouteIdentity = z.output<typeof routeIdentitySchema>;

/** The identity of our routes in a configuration, without its other keys. */
export function routeIdentityOf({ table, metric, protocols }: RouteIdentity): RouteIdentity {
  return { table, metric, protocols };
}

export function sameIdentity(left: RouteIdentity, right: RouteIdentity): boolean {
  return (
    sharesPlace(left, right) &&
    left.protocols.advertise === right.protocols.advertise &&
    left.protocols.hold === right.protocols.hold
  );
}

/** Whether routes of both have the same key in the kernel, which does not include the protocol. */
export function sharesPlace(left: RouteIdentity, right: RouteIdentity): boolean {
  return left.table === right.table && left.metric === right.metric;
}

/** `table 254, metric 16, protocols 70 and 71`, for people. */
export function describeIdentity({ table, metric, protocols }: RouteIdentity): string {
  return `table ${table}, metric ${metric}, protocols ${protocols.advertise} and ${protocols.hold}`;
}
