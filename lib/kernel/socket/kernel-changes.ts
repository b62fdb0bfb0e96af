/** What a monitor tells of the kernel, and what the addon fails with. */

/** A network interface as `RTM_GETLINK` reports it. */
export interface Link {
  name: string;
  index: number;
  /** `IFF_*` bits of netdevice(7): 1 up, 64 running, 0x10000 lower-up. */
  flags: number;
}

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
  /**
   * Nexthop objects of the watched protocols that were made, changed or deleted: packed records (`readObjectChanges`).
   * Those that go with an interface are not notified.
   */
  nexthopObjects: Uint8Array;
  /** Notifications were lost (`ENOBUFS`): read everything again. */
  overrun: boolean;
  /** The monitor's socket failed, by what nobody but this process can do to it; `overrun` is true as well. */
  error?: NativeError;
}

/** Stops a monitor; calling it twice is harmless. */
export interface Monitor {
  stop(): void;
}

/** What the addon throws and rejects with. */
export interface NativeError extends Error {
  /**
   * `ENOENT` and the like; `ENOMEM` and `EAGAIN` where memory or a thread was not to be had; `ERR_CLOSED` after
   * `close()`; `FLOCK_RECORD_INVALID` for a malformed batch; `ERR_INVALID_ARG_TYPE` of a TypeError and
   * `ERR_OUT_OF_RANGE` of a RangeError for wrong arguments; `FLOCK_NATIVE_FAILED` for a fault of the addon.
   */
  code: string;
  /** Positive, as in errno(3). */
  errno?: number;
  syscall?: string;
  /** Of a malformed batch: which record, and its field. */
  index?: number;
  field?: string;
}
