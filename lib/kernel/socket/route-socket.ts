/**
 * The addon's surface, and its only importer.
 *
 * Routes cross this seam as packed records (`record-layout.ts`), never as objects: an array of route objects
 * costs 0.8 us a route here, packed bytes 0.04 us, and the kernel itself 1 us.
 */
import { loadAddon } from './load-addon.ts';

/** Where a socket works, and how large its receive buffer should be. */
export interface RouteSocketOptions {
  /** Path of a network namespace, such as `/run/netns/blue`. Default: this process's own. Needs CAP_SYS_ADMIN. */
  netns?: string | undefined;
  /** Wanted receive buffer in bytes; what the kernel grants may be less. Default 4 MiB. */
  receiveBuffer?: number | undefined;
}

/** A network interface as `RTM_GETLINK` reports it. */
export interface Link {
  name: string;
  index: number;
  /** `IFF_*` bits of netdevice(7): 1 up, 64 running, 0x10000 lower-up. */
  flags: number;
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

/** An outcome per request, and the kernel's text for those that failed. */
export interface ApplyResult extends Int32Array {
  /** The kernel's extended-ACK text by index of the request; only where the kernel gave one. */
  readonly messages: ReadonlyMap<number, string>;
}

/** In an {@link ApplyResult}: the kernel's answer was lost, the request may have been applied or not. Read back. */
export const outcomeUnknown = -1;

/** What to be notified of. Interfaces and local addresses come in any case. */
export interface MonitorOptions {
  /** Routing table, 254 is main. */
  table: number;
  /** Route protocol numbers to be notified of. */
  protocols: readonly number[];
  /** Notify of routes of any protocol at this metric too: one with our prefix has replaced ours. */
  metric?: number | undefined;
  /** Notify of host prefixes (/32, /128) of any table and protocol too: CNIs route to their pods by them. */
  hostRoutes?: boolean | undefined;
  /** Notify of changed nexthop objects of the same protocols too (Linux 5.3). */
  nexthopObjects?: boolean | undefined;
  /** Wanted receive buffer in bytes; default the socket's. */
  receiveBuffer?: number | undefined;
}

/** What happened in the kernel since the last call, by others than this socket. */
export interface KernelChanges {
  /** Routes under the watched protocols: packed records, operation `replace` (now there) or `delete`. */
  routes: Uint8Array;
  /** Interfaces that came or changed, in order; one that went has `gone` true. */
  links: (Link & { gone: boolean })[];
  /** Local addresses that came or went, in order. */
  addresses: {
    /** Of the interface. */
    index: number;
    /** 4 or 16 bytes. */
    address: Uint8Array;
    prefixLength: number;
    gone: boolean;
  }[];
  /** Nexthop objects of ours were changed: read them again. Those that go with an interface are not notified. */
  nexthopObjects: boolean;
  /** Notifications were lost (`ENOBUFS`): read everything again. */
  overrun: boolean;
}

/** Stops a monitor; calling it twice is harmless. */
export interface Monitor {
  stop(): void;
}

/** What the addon throws and rejects with, beside TypeError and RangeError for wrong arguments. */
export interface NativeError extends Error {
  /** `ENOENT` and the like; `ERR_CLOSED` after `close()`; `FLOCK_RECORD_INVALID` for a malformed batch. */
  code: string;
  /** Positive, as in errno(3). */
  errno?: number;
  syscall?: string;
  /** Of a malformed batch: which record, and its field. */
  index?: number;
  field?: string;
}

/** The class as native/src/route_socket.cc defines it. */
interface NativeRouteSocket {
  readonly receiveBuffer: number;
  apply(batch: Uint8Array): Promise<ApplyResult>;
  dump(filter: DumpFilter): Promise<Uint8Array>;
  dumpInParts(filter: DumpFilter, take: TakePart): Promise<void>;
  nexthopObjects(): Promise<Uint8Array>;
  links(): Promise<Link[]>;
  lookup(addresses: readonly Uint8Array[]): Promise<RouteAnswer[]>;
  monitor(options: MonitorOptions, callback: (changes: KernelChanges) => void): Monitor;
  close(): Promise<void>;
}

interface Addon {
  RouteSocket: new (options: RouteSocketOptions) => NativeRouteSocket;
}

/**
 * Route netlink (rtnetlink(7)) of one network namespace: one verb that writes, the rest read.
 *
 * Opening and reading need no privilege; writing needs CAP_NET_ADMIN, without it every outcome is EPERM.
 */
export class RouteSocket {
  readonly #native: NativeRouteSocket;

  /**
   * @throws NativeError with the `syscall` and path that failed (ENOENT, EPERM), FLOCK_NATIVE_MISSING
   */
  constructor(options: RouteSocketOptions = {}) {
    const { RouteSocket: Native } = loadAddon<Addon>();
    this.#native = new Native(options);
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
   * until it is stopped.
   */
  monitor(options: MonitorOptions, callback: (changes: KernelChanges) => void): Monitor {
    return this.#native.monitor(options, callback);
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
