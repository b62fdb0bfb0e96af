/**
 * What a dump says against what we believe. A route that is right costs no object: records are read where they
 * lie, and entries found by the bytes of their destination.
 */
import type { Cohorts } from './groups/cohorts.ts';
import { configuredNexthops, sameNexthops } from './nexthops.ts';
import { destinationOfView, RouteView } from './packed-route.ts';
import {
  AF_INET,
  headerLength,
  NexthopFlag,
  nexthopLength,
  nexthopOffsets,
  offsets,
  RouteType,
  recordLength,
} from './record-layout.ts';
import type { Programmed, RouteEntry } from './route-entry.ts';
import { hashOf, type RouteIndex } from './route-index.ts';

export interface Adoption {
  /** Destinations that the kernel holds otherwise than we believed, or that we did not know of. */
  found: { entry: RouteEntry; programmed: Programmed }[];
  /** Destinations that the kernel does not hold, though we believed so. */
  absent: RouteEntry[];
  /** Our routes that we can never want: of another metric, or of a kind that we do not make. */
  strays: RouteView[];
}

let readings = 0;

/**
 * @param dumps all routes of our table and protocols, packed
 * @param index entries are made in it for destinations that we did not know of
 * @param ours the metric of our routes, and the nexthop groups that they may lead through
 */
export function adoptRoutes(
  dumps: readonly Uint8Array[],
  index: RouteIndex,
  { metric, cohorts }: { metric: number; cohorts: Pick<Cohorts, 'get'> },
): Adoption {
  const adoption: Adoption = { found: [], absent: [], strays: [] };
  const reading = ++readings;
  const sets = new Map<number, Uint8Array>();
  for (const dump of dumps) {
    for (let start = 0; start < dump.length; start += recordLength(dump, start)) {
      if (int32At(dump, start + offsets.metric) !== (metric | 0) || !isOurKind(dump, start)) {
        adoption.strays.push(viewAt(dump, start));
        continue;
      }
      const known = index.find(dump, start + offsets.destination, addressLength(dump, start));
      if (known !== undefined) known.readAt = reading;
      const group = int32At(dump, start + offsets.nexthopGroup);
      const content = group === 0 ? undefined : cohorts.get(group >>> 0)?.content;
      if (known?.programmed !== undefined && isAsBelieved(dump, start, known.programmed, group, content))
        continue;
      const view = viewAt(dump, start);
      const entry = known ?? index.ensure(destinationOfView(view));
      entry.readAt = reading;
      // With net.ipv4.nexthop_compat_mode=0 the kernel names the group alone.
      const nexthops = content ?? shared(sets, configuredNexthops(view.nexthops));
      adoption.found.push({ entry, programmed: { protocol: view.protocol, nexthops, group: view.group } });
    }
  }
  for (const entry of index.values()) {
    if (entry.programmed !== undefined && entry.readAt !== reading) adoption.absent.push(entry);
  }
  return adoption;
}

/** Routes of the same nexthops share the bytes; of sets whose hashes are the same, one is kept in mind. */
function shared(sets: Map<number, Uint8Array>, nexthops: Uint8Array): Uint8Array {
  const hash = hashOf(nexthops, 0, nexthops.length);
  const known = sets.get(hash);
  if (known !== undefined && sameNexthops(known, nexthops)) return known;
  sets.set(hash, nexthops);
  return nexthops;
}

function viewAt(dump: Uint8Array, start: number): RouteView {
  return new RouteView(dump.subarray(start, start + recordLength(dump, start)));
}

function addressLength(dump: Uint8Array, start: number): number {
  return dump[start + offsets.family] === AF_INET ? 4 : 16;
}

/** Signed, for an unsigned number of 32 bits is an object where it does not fit. */
function int32At(dump: Uint8Array, at: number): number {
  const low = (dump[at] as number) | ((dump[at + 1] as number) << 8);
  return low | ((dump[at + 2] as number) << 16) | ((dump[at + 3] as number) << 24);
}

/** A host prefix of plain nexthops: the only kind of route that we make. */
function isOurKind(dump: Uint8Array, start: number): boolean {
  return (
    dump[start + offsets.prefixLength] === addressLength(dump, start) * 8 &&
    dump[start + offsets.type] === RouteType.unicast
  );
}

/**
 * Whether a record has this protocol and these nexthops, what the kernel alone reports (dead, …) aside.
 *
 * @param group that the record names, as a signed number; 0 for none
 * @param content what that group of ours leads through
 */
function isAsBelieved(
  dump: Uint8Array,
  start: number,
  { protocol, nexthops, group: believed }: Programmed,
  group: number,
  content: Uint8Array | undefined,
): boolean {
  const first = start + headerLength;
  if (dump[start + offsets.protocol] !== protocol || group !== (believed | 0)) return false;
  if (content !== undefined) return sameNexthops(content, nexthops);
  if (recordLength(dump, start) - headerLength !== nexthops.length) return false;
  for (let at = 0; at < nexthops.length; at += nexthopLength)
    if (!isSameNexthop(dump, first + at, nexthops, at)) return false;
  return true;
}

function isSameNexthop(dump: Uint8Array, its: number, nexthops: Uint8Array, at: number): boolean {
  const { flags } = nexthopOffsets;
  for (let byte = 0; byte < nexthopLength; byte++)
    if (byte !== flags && dump[its + byte] !== nexthops[at + byte]) return false;
  return (((dump[its + flags] as number) ^ (nexthops[at + flags] as number)) & NexthopFlag.onlink) === 0;
}
