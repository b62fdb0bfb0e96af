/**
 * Compares a dump with what we believe. A route that is right costs no object: records are read in place, and entries
 * are found by the bytes of their destination.
 */
import type { Family } from '../../base/address.ts';
import type { Cohorts } from '../groups/cohorts.ts';
import { configuredAlike, configuredNexthops, sameNexthops } from '../socket/nexthops.ts';
import { isPrefixRoute } from '../socket/prefix-route.ts';
import { headerLength, offsets, recordLength } from '../socket/record-layout.ts';
import { addressLength, destinationOfView, isOurKind, RouteView } from '../socket/route-view.ts';
import { type Programmed, programmedAs, type RouteEntry } from './route-entry.ts';
import { hashOf, type RouteIndex } from './route-index.ts';

export interface Adoption {
  /** Destinations that the kernel held otherwise than we believed when they were read, or that we did not know of. */
  found: { entry: RouteEntry; believed: Programmed | undefined; programmed: Programmed }[];
  /** Destinations that the kernel does not hold, though we believed so. */
  absent: { entry: RouteEntry; believed: Programmed }[];
  /** Our routes that we can never want: of another metric, or of a kind that we do not make here. */
  strays: RouteView[];
}

/** One family; each is read separately. */
interface Stream {
  /** Changes when the dump is restarted. */
  number: number;
  /** How many destinations it had that we believe to be programmed. */
  known: number;
  found: Adoption['found'];
  strays: RouteView[];
}

let streams = 0;

/** One reading of the kernel's routes, compared while it comes in. */
export class RouteReading {
  readonly answers: number;
  readonly #index: RouteIndex;
  readonly #metric: number;
  readonly #cohorts: Pick<Cohorts, 'get'>;
  readonly #turnover: number;
  readonly #streams = new Map<Family, Stream>();
  readonly #sets = new Map<number, Uint8Array>();

  /**
   * @param index entries are made in it for destinations that we did not know of
   * @param ours the metric of our routes, and the nexthop groups that they may lead through
   * @param answers how many doubts had been raised when it began (`Doubt`)
   */
  constructor(
    index: RouteIndex,
    { metric, cohorts }: { metric: number; cohorts: Pick<Cohorts, 'get'> },
    answers = 0,
  ) {
    this.answers = answers;
    this.#index = index;
    this.#metric = metric;
    this.#cohorts = cohorts;
    this.#turnover = index.turnover;
  }

  /**
   * @param records routes of our table and protocols, packed
   * @param restarted whether the family is read from its beginning: what came before is void
   */
  take(family: Family, records: Uint8Array, restarted: boolean): void {
    if (restarted) this.#begin(family);
    const stream = this.#streams.get(family) ?? this.#begin(family);
    for (let start = 0; start < records.length; start += recordLength(records, start)) {
      if (int32At(records, start + offsets.metric) === (this.#metric | 0) && isOurKind(records, start))
        this.#compare(stream, records, start);
      else if (!isPrefixRoute(records, start)) stream.strays.push(viewAt(records, start));
    }
  }

  /** What is otherwise than we believe. */
  finish(): Adoption {
    const all = [...this.#streams.values()];
    return {
      found: all.flatMap(({ found }) => found),
      absent: this.#absent(all.reduce((sum, { known }) => sum + known, 0)),
      strays: all.flatMap(({ strays }) => strays),
    };
  }

  /** @param known how many destinations were read of those that are programmed */
  #absent(known: number): Adoption['absent'] {
    const absent: Adoption['absent'] = [];
    // All are there, and nothing changed meanwhile: no entry needs to be looked at.
    if (known === this.#index.programmed && this.#turnover === this.#index.turnover) return absent;
    for (const entry of this.#index.values()) {
      const { programmed, readAt, family } = entry;
      if (programmed !== undefined && readAt !== this.#streams.get(family)?.number)
        absent.push({ entry, believed: programmed });
    }
    return absent;
  }

  #begin(family: Family): Stream {
    for (const { entry } of this.#streams.get(family)?.found ?? []) {
      if (entry.programmed === undefined && entry.desired.nexthops.length === 0 && !entry.pending)
        this.#index.forget(entry);
    }
    const stream = { number: ++streams, known: 0, found: [], strays: [] };
    this.#streams.set(family, stream);
    return stream;
  }

  #compare(stream: Stream, records: Uint8Array, start: number): void {
    const entry = this.#index.find(records, start + offsets.destination, addressLength(records, start));
    const believed = entry?.programmed;
    if (entry !== undefined) {
      if (believed !== undefined && entry.readAt !== stream.number) stream.known++;
      entry.readAt = stream.number;
    }
    const group = int32At(records, start + offsets.nexthopGroup);
    const content = group === 0 ? undefined : this.#cohorts.get(group >>> 0)?.content;
    if (believed !== undefined && isAsBelieved(records, start, believed, group, content)) return;
    this.#find(stream, viewAt(records, start), entry, content);
  }

  #find(
    { number, found }: Stream,
    view: RouteView,
    known: RouteEntry | undefined,
    content: Uint8Array | undefined,
  ): void {
    const entry = known ?? this.#index.ensure(destinationOfView(view));
    entry.readAt = number;
    // With net.ipv4.nexthop_compat_mode=0 the kernel names the group alone.
    const nexthops = content ?? shared(this.#sets, configuredNexthops(view.nexthops));
    const programmed = programmedAs(view.protocol, nexthops, view.group);
    found.push({ entry, believed: entry.programmed, programmed });
  }
}

/** Routes of the same nexthops share the bytes; of sets with the same hash, only the last is remembered. */
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

/** Signed, for an unsigned number of 32 bits is an object where it does not fit. */
function int32At(dump: Uint8Array, at: number): number {
  const low = (dump[at] as number) | ((dump[at + 1] as number) << 8);
  return low | ((dump[at + 2] as number) << 16) | ((dump[at + 3] as number) << 24);
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
  if (dump[start + offsets.protocol] !== protocol || group !== (believed | 0)) return false;
  if (content !== undefined) return sameNexthops(content, nexthops);
  const { length } = nexthops;
  if (recordLength(dump, start) - headerLength !== length) return false;
  return configuredAlike(dump, start + headerLength, nexthops, 0, length);
}
