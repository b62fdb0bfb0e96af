/** A cohort: the destinations that share their nexthops, by sharing one nexthop group. */
import type { Family } from '../../base/address.ts';
import { emptyNexthops } from '../socket/nexthops.ts';

export class Cohort {
  /** Of the group. */
  readonly id: number;
  readonly family: Family;
  /** What the kernel's group leads through, as packed nexthops with their weights; empty while there is none. */
  content: Uint8Array = emptyNexthops;
  /** What it is to lead through when the present pass is done; else `content`. */
  planned: Uint8Array = emptyNexthops;
  /** Whether destinations may join: not one of another kind, or of other buckets, than is configured. */
  fit = true;
  /** How many destinations are programmed through it. */
  size = 0;
  /** Since when it has one member, in milliseconds of the clock; undefined while it has more. */
  aloneSince: number | undefined;
  /** Set while the kernel can not distinguish its busy buckets from idle ones. */
  marking: Marking | undefined;

  constructor(id: number, family: Family) {
    this.id = id;
    this.family = family;
  }
}

/** A group whose buckets are being marked. */
export interface Marking {
  /** Packed: those whose buckets were not marked when it began. */
  readonly unmarked: Uint8Array;
  /** When all are, in milliseconds of the clock. */
  readonly until: number;
}
