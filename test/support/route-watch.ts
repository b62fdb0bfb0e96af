/** The times at which routes were added and removed in a namespace, on this process's own clock. */
import { formatAddress } from '../../lib/base/address.ts';
import { readRoutes } from '../../lib/kernel/socket/route-record.ts';
import { RouteSocket } from '../../lib/kernel/socket/route-socket.ts';
import type { Namespace } from './lab.ts';

export interface RouteSighting {
  /** Milliseconds of `performance.now()`. */
  at: number;
  /** Address of the host prefix, without its length. */
  address: string;
  protocol: number;
  gone: boolean;
  nexthops: number;
}

export interface RouteWatch {
  readonly seen: RouteSighting[];
  stop(): void;
}

/** @param protocols route protocol numbers to watch in the main table */
export function watchRoutes(namespace: Namespace, protocols: number[]): RouteWatch {
  const socket = new RouteSocket({ netns: namespace.path });
  const seen: RouteSighting[] = [];
  const monitor = socket.monitor({ protocols, table: 254 }, ({ routes }) => {
    const at = performance.now();
    for (const { destination, protocol, operation, nexthops } of readRoutes(routes)) {
      const address = formatAddress(destination);
      seen.push({ at, address, protocol, gone: operation === 3, nexthops: nexthops.length });
    }
  });
  return {
    seen,
    stop() {
      monitor.stop();
      socket.close();
    },
  };
}
