/**
 * Errors of this package: each has a stable code, the offending value and what to do next.
 * Programs match on `code`; people read `message` and `remedy`.
 */

/** Every code there is, with what it means. */
export const errorCodes = {
  FLOCK_ADDRESS_INVALID: 'A text is not an IP address that can be used here.',
  FLOCK_ALLOCATIONS_INVALID: 'The allocation file does not parse or breaks its schema.',
  FLOCK_ALLOCATION_OTHER: 'The allocation in force is of another pod object or sandbox.',
  FLOCK_ALLOCATION_UNKNOWN: 'There is no allocation for this pod.',
  FLOCK_ALLOCATIONS_READ_ONLY: 'The allocation file belongs to another program; only its owner writes it.',
  FLOCK_ALLOCATIONS_UNWRITABLE: 'The allocation file can not be written.',
  FLOCK_ALREADY_RUNNING: 'Another program of ours is already running in this network namespace.',
  FLOCK_API_UNAVAILABLE: 'The socket of the local API can not be opened.',
  FLOCK_BIRD_BLIND: 'BIRD would not see the routes that it is to announce.',
  FLOCK_BIRD_REFUSED: 'BIRD refused a configuration or a command.',
  FLOCK_BIRD_UNREACHABLE: 'The BIRD control socket does not answer.',
  FLOCK_CONFIG_INVALID: 'The configuration file does not parse or breaks its schema.',
  FLOCK_CREDENTIALS_UNAVAILABLE: 'The credentials for the Kubernetes API server can not be had.',
  FLOCK_FLUSH_INCOMPLETE: 'Routes of ours are still in the kernel after their removal.',
  FLOCK_INTERRUPTED: 'It was stopped midway; what it had done so far is consistent.',
  FLOCK_KUBERNETES_REFUSED: 'The Kubernetes API server answers a request with an error.',
  FLOCK_KUBERNETES_UNREACHABLE: 'The Kubernetes API server does not answer.',
  FLOCK_LISTEN_FAILED: 'The address of /metrics, /healthz and /status can not be listened at.',
  FLOCK_MIGRATE_INCOMPLETE: 'Routes of the original agent could not be taken over.',
  FLOCK_NATIVE_FAILED: 'The native addon failed in a way that it does not know.',
  FLOCK_NATIVE_MISSING: 'The native addon can not be loaded.',
  FLOCK_NODE_CONFIG_INVALID: 'The node configuration does not parse or breaks its schema.',
  FLOCK_NODE_UNKNOWN: 'The cluster has no node of this name.',
  FLOCK_NOT_CONFIRMED: 'The confirmation was not given; nothing was changed.',
  FLOCK_NO_NEXTHOP_GROUPS: 'This kernel has no nexthop groups.',
  FLOCK_NO_NET_ADMIN: 'Changing routes needs the capability CAP_NET_ADMIN.',
  FLOCK_POD_INVALID: 'A pod manifest does not parse or lacks what is needed.',
  FLOCK_POOLS_MISSING: 'Pods request addresses by annotation, and no pools say who may use which.',
  FLOCK_POOL_INVALID: 'An AnycastPool, or the file of pools, breaks its schema.',
  FLOCK_RECORD_INVALID: 'A packed route record is not well formed.',
  FLOCK_REQUEST_INVALID: 'The local API does not understand a request.',
  FLOCK_STATE_INVALID: 'The state file can not be read, does not parse or breaks its schema.',
  FLOCK_STATE_UNWRITABLE: 'The state file can not be written.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface FlockErrorDetails {
  /** The value that is wrong, as it came. */
  value?: unknown;
  /** What to do next, in one sentence. */
  remedy?: string;
  cause?: unknown;
}

export class FlockError extends Error {
  readonly code: ErrorCode;
  readonly value: unknown;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, { value, remedy, cause }: FlockErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'FlockError';
    this.code = code;
    this.value = value;
    this.remedy = remedy;
  }
}
