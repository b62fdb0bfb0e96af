/**
 * The addon's surface, and its only importer.
 *
 * Routes cross this seam as packed records (`route-record.ts`), never as objects: an array of route objects
 * costs 0.8 us a route here, packed bytes 0.04 us, and the kernel itself 1 us.
 */

/** Where a socket works, and how large its receive buffer should be. */
export interface RouteSocketOptions {
	/** Path of a network namespace, such as `/run/netns/blue`. Default: this process's own. */
	netns?: string;
	/** Wanted receive buffer in bytes; what the kernel grants may be less. Default 4 MiB. */
	receiveBuffer?: number;
}

/** A network interface as `RTM_GETLINK` reports it. */
export interface Link {
	name: string;
	index: number;
	/** `IFF_*` bits of netdevice(7): 1 up, 64 running, 0x10000 lower-up. */
	flags: number;
}

export interface DumpFilter {
	family: 4 | 6;
	/** Routing table, 254 is main. */
	table: number;
	/** Route protocol numbers to give; the kernel filters when there is one, the addon when there are more. */
	protocols: number[];
}

/** An outcome per request, and the kernel's words for those that failed. */
export interface ApplyResult extends Int32Array {
	/** The kernel's extended-ACK text by index of the request; only where the kernel said something. */
	readonly messages: ReadonlyMap<number, string>;
}

/** What happened in the kernel since the last call, by others than this socket. */
export interface KernelChanges {
	/** Routes under the watched protocols: packed records, operation `replace` (now there) or `delete`. */
	routes: Uint8Array;
	/** Interfaces that came or changed, in order; one that went has `gone` true. */
	links: (Link & { gone: boolean })[];
	/** Local addresses that came or went. */
	addresses: {
		index: number;
		address: Uint8Array;
		prefixLength: number;
		gone: boolean;
	}[];
	/** Notifications were lost (`ENOBUFS`): read everything again. */
	overrun: boolean;
}

/** Stops a monitor; calling it twice is harmless. */
export interface Monitor {
	stop(): void;
}
