/**
 * The addon's surface, and its only importer.
 *
 * Routes cross this seam as packed records (`record-layout.ts`), never as objects: an array of route objects
 * costs 0.8 us a route here, packed bytes 0.04 us, and the kernel itself 1 us.
 */
import type { KernelChanges, Link, Monitor, MonitorOptions, NativeError } from './kernel-changes.ts';
import { openLastingMonitor } from './lasting-monitor.ts';
import { loadAddon } from './load-addon.ts';

export type { KernelChanges, Link, Monitor, MonitorOptions, NativeError } from './kernel-changes.ts';

/** Where a socket works, and how large its receive buffer should be. */
export interface RouteSocketOptions {
  /** Path of a network namespace, such as `/run/netns/blue`. Default: this process's own. Needs CAP_SYS_ADMIN. */
  netns?: string | undefined;
  /** Wanted receive buffer in bytes; what the kernel grants may be less. Default 4 MiB. */
  receiveBuffer?: number | undefined;
}

/** Which routes to read. */
export interface DumpFilter {
  family: 4 | 6;
  /** Routing table, 254 is main. */
  table: number;
  /** Route protocol numbers to give; one dump of the kernel each. */
  protocols: readonly number[];
}

/**
 * Takes a part of a dump.
 *
 * @param records whole ones, packed
 * @param restarted whether the reading begins with this part. True for the first part, and again after a change
 *   interrupted the reading: drop the parts that came before.
 */
export type TakePart = (records: Uint8Array, restarted: boolean) => void;

/** Where the kernel would send a packet, as `ip route get` says. */
export interface RouteAnswer {
  /** 0, or why there is no route: 101 `ENETUNREACH` for none, 113 `EHOSTUNREACH`, 13 `EACCES` for one that refuses. */
  errno: number;
  /** `RTN_*` of rtnetlink(7): 1 unicast, 2 an address of this host, 6 to 8 refusals. */
  type: number;
  /** Of the way out; 0 without one. */
  interfaceIndex: number;
  /** 4 or 16 bytes; absent when the address itself is a neighbour on the interface. */
  gateway?: Uint8Array;
}

/** What kernels differ in, as this one answers. */
export interface KernelAbilities {
  /** Linux 5.3. */
  nexthopObjects: boolean;
  /** Linux 5.13. */
  resilientGroups: boolean;
  /** The largest weight of a nexthop group's member: 65,535, or 255 before Linux 6.12. A larger one is sent as this. */
  heaviestMember: number;
  /** IPv6 routes are changed beside each other (Linux 6.16). */
  parallelIpv6: boolean;
}

/** An outcome per request, and the kernel's text for those that failed. */
export interface ApplyResult extends Int32Array {
  /** The kernel's extended-ACK text by index of the request; only where the kernel gave one. */
  readonly messages: ReadonlyMap<number, string>;
}

/** In an {@link ApplyResult}: the kernel's answer was lost, the request may have been applied or not. Read back. */
export const outcomeUnknown = -1;

/** The class as native/src/route_socket.cc defines it. */
interface NativeRouteSocket {
  readonly receiveBuffer: number;
  apply(batch: Uint8Array): Promise<ApplyResult>;
  dump(filter: DumpFilter): Promise<Uint8Array>;
  dumpInParts(filter: DumpFilter, take: TakePart): Promise<void>;
  nexthopObjects(): Promise<Uint8Array>;
  abilities(): Promise<KernelAbilities>;
  links(): Promise<Link[]>;
  lookup(addresses: readonly Uint8Array[]): Promise<RouteAnswer[]>;
  monitor(options: MonitorOptions, callback: (changes: KernelChanges) => void): Monitor;
  close(): Promise<void>;
}

/** Who called listen(2) on a UNIX socket. */
export interface SocketOwner {
  /** 0 when it is in a PID namespace that this process does not see. */
  pid: number;
  /** In this process's user namespace; 65534 when it has no number there. */
  uid: number;
}

interface Addon {
  RouteSocket: new (options: RouteSocketOptions) => NativeRouteSocket;
  socketOwner(address: string): SocketOwner;
}

/**
 * The kernel's word on who listens at a UNIX socket (SO_PEERCRED of unix(7)): a listener can not forge it, and need
 * not answer. Does not wait.
 *
 * @param address a path, or an abstract name with its leading NUL
 * @throws NativeError ECONNREFUSED when nothing listens there, EAGAIN when too many clients wait there
 */
export function socketOwner(address: string): SocketOwner {
  return loadAddon<Addon>().socketOwner(address);
}

/**
 * Route netlink (rtnetlink(7)) of one network namespace: one verb that writes, the rest read.
 *
 * Opening and reading need no privilege; writing needs CAP_NET_ADMIN, without it every outcome is EPERM.
 */
export class RouteSocket {
  readonly #native: NativeRouteSocket;

  /**
   * @throws NativeError with the `syscall` and path that failed (ENOENT, EPERM), EAGAIN where `netns` needs a thread and
   *   there is none, ENOMEM; FLOCK_NATIVE_MISSING
   */
  constructor(options: RouteSocketOptions = {}) {
    const { RouteSocket: Native } = loadAddon<Addon>();
    try {
      this.#native = new Native(options);
    } catch (error) {
      // Node-API's C++ wrapper allocates the object itself, and its own error for that has no code.
      (error as NativeError).code ??= 'ENOMEM';
      throw error;
    }
  }

  /** Bytes of receive buffer really granted; the window of requests in flight follows from it. */
  get receiveBuffer(): number {
    return this.#native.receiveBuffer;
  }

  /**
   * Sends every request of a batch ({@link RouteBatch}) and gives the outcome of each, in their order: 0, a
   * positive errno, or {@link outcomeUnknown}. One that fails does not stop the others. Calls are carried out in
   * their order; a small batch with none before it is sent before `apply` returns. The bytes are copied.
   *
   * Within a large batch, requests for one address are carried out in order, those for different addresses in
   * any, IPv6 beside IPv4 and beside each other where the kernel can (Linux 6.16). Nexthop objects keep their place
   * among all, and so do routes by which gateways may be found: to a network, or without a gateway of their own.
   *
   * Rejects with a RangeError FLOCK_RECORD_INVALID if the batch is malformed, and then nothing was sent.
   */
  apply(batch: Uint8Array): Promise<ApplyResult> {
    return this.#native.apply(batch);
  }

  /**
   * All routes of one family, table and some protocols, as packed records with operation `none`, in the
   * kernel's order. The kernel reads its table piece by piece: a route changed meanwhile may be missed or come
   * twice, so do not compare with what an `apply` under way is changing.
   */
  dump(filter: DumpFilter): Promise<Uint8Array> {
    return this.#native.dump(filter);
  }

  /**
   * The same, handed over part by part while the kernel is still being read; one part at least. Rejects with what
   * `take` throws first.
   */
  dumpInParts(filter: DumpFilter, take: TakePart): Promise<void> {
    return this.#native.dumpInParts(filter, take);
  }

  /**
   * All nexthop objects of any owner, by ascending id, as packed records (`nexthop-object.ts`).
   * Rejects with EOPNOTSUPP where the kernel has none (before Linux 5.3).
   */
  nexthopObjects(): Promise<Uint8Array> {
    return this.#native.nexthopObjects();
  }

  /** Asks what this kernel can do. Changes nothing and needs no privilege. */
  abilities(): Promise<KernelAbilities> {
    return this.#native.abilities();
  }

  /** All interfaces. */
  links(): Promise<Link[]> {
    return this.#native.links();
  }

  /**
   * Asks the kernel for the way to each address (`RTM_GETROUTE`), rules and all tables included, in one call;
   * answers come in the same order. The bytes are copied.
   *
   * @param addresses of 4 or 16 bytes in network order; a TypeError otherwise
   */
  lookup(addresses: readonly Uint8Array[]): Promise<RouteAnswer[]> {
    return this.#native.lookup(addresses);
  }

  /**
   * Calls back with what others than this socket change: routes, and all interfaces and local addresses.
   * What happens while the callback is busy gathers and comes with the next call. Keeps the program alive
   * until it is stopped. Should its socket fail, another one is opened and everything is to be read again.
   */
  monitor(options: MonitorOptions, callback: (changes: KernelChanges) => void): Monitor {
    // The addon refuses it by name.
    if (typeof callback !== 'function') return this.#native.monitor(options, callback);
    return openLastingMonitor(take => this.#native.monitor(options, take), callback);
  }

  /**
   * Stops the monitors, rejects what was not begun (ERR_CLOSED), lets what is being sent finish, and then
   * resolves. May be called again.
   */
  close(): Promise<void> {
    return this.#native.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
