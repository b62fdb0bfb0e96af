/**
 * Which sandbox of a pod an allocation is of. A runtime makes a sandbox again for the same pod object (its node was
 * started again, its sandbox crashed), and may report the end of the former one after the beginning of the next. Pure.
 */
import { FlockError } from '../../base/errors.ts';
import { podKey } from '../pods/pod.ts';
import type { Allocation } from './allocation.ts';

/** What an allocation must be of to be deleted; what is not given is not compared. */
export interface Preconditions {
  uid?: string | undefined;
  containerId?: string | undefined;
  hostInterface?: string | undefined;
}

const fields = ['uid', 'containerId', 'hostInterface'] as const;

/** @returns `next` as it replaces `present`: marked when it is another sandbox of the same pod object */
export function afterOther(present: Allocation | undefined, next: Allocation): Allocation {
  if (present === undefined || present.uid !== next.uid) return next;
  const isOther =
    present.hostInterface !== next.hostInterface ||
    (next.containerId !== undefined &&
      present.containerId !== undefined &&
      present.containerId !== next.containerId);
  return isOther || present.remade ? { ...next, remade: true } : next;
}

/**
 * Refuses a deletion that is not meant for the allocation in force, or may not be: where the pod had two sandboxes
 * with one uid, the uid alone names neither.
 * @throws FlockError FLOCK_ALLOCATION_OTHER
 */
export function requireMatch(present: Allocation, only: Preconditions): void {
  for (const field of fields) {
    const [asked, own] = [only[field], present[field]];
    // An allocation without a containerId was written by a plugin that gave none.
    if (asked !== undefined && own !== undefined && asked !== own)
      throw other(present, `it is of ${field} ${own}, not ${asked}`);
  }
  const deciding = present.containerId === undefined ? 'hostInterface' : 'containerId';
  if (present.remade && only.uid !== undefined && only[deciding] === undefined)
    throw other(present, `the pod had two sandboxes with this uid, and the request names no ${deciding}`);
}

function other({ namespace, name }: Allocation, why: string): FlockError {
  const key = podKey(namespace, name);
  const message = `the allocation of ${key} was not deleted: ${why}`;
  const remedy =
    'nothing, if the end of a former sandbox was reported; else give containerId and hostInterface as they were PUT';
  return new FlockError('FLOCK_ALLOCATION_OTHER', message, { value: key, remedy });
}
