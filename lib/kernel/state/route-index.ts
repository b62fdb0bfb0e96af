/** Finds destinations by name, by the interface they want, by the interface they are programmed through. */
import type { Destination } from '../../base/address.ts';
import type { Nexthop } from '../../desired/views.ts';
import { interfacesOf } from '../socket/nexthops.ts';
import { InterfaceIndex } from './interface-index.ts';
import { newEntry, type RouteEntry } from './route-entry.ts';

export class RouteIndex {
  readonly #entries = new Map<Destination, RouteEntry>();
  /** By a hash of the destination's bytes; entries that share a hash are chained, and their bytes compared. */
  readonly #byBytes = new Map<number, RouteEntry>();
  readonly #byWanted = new InterfaceIndex((nexthops: readonly Nexthop[]) =>
    nexthops.map(({ interface: name }) => name),
  );
  #programmed = 0;
  #turnover = 0;
  readonly #byProgrammed = new InterfaceIndex(interfacesOf);

  get(destination: Destination): RouteEntry | undefined {
    return this.#entries.get(destination);
  }

  /** The entry of a destination, made where there is none. */
  ensure(destination: Destination): RouteEntry {
    let entry = this.#entries.get(destination);
    if (entry === undefined) {
      entry = newEntry(destination);
      this.#entries.set(destination, entry);
      const hash = hashOf(entry.bytes, 0, entry.bytes.length);
      entry.next = this.#byBytes.get(hash);
      this.#byBytes.set(hash, entry);
    }
    return entry;
  }

  forget(entry: RouteEntry): void {
    this.#entries.delete(entry.destination);
    const hash = hashOf(entry.bytes, 0, entry.bytes.length);
    const first = this.#byBytes.get(hash);
    if (first === entry) {
      if (entry.next === undefined) this.#byBytes.delete(hash);
      else this.#byBytes.set(hash, entry.next);
      return;
    }
    for (let before = first; before !== undefined; before = before.next)
      if (before.next === entry) before.next = entry.next;
  }

  /** The entry whose destination has the `length` bytes at `start`; looking makes no object. */
  find(bytes: Uint8Array, start: number, length: number): RouteEntry | undefined {
    let entry = this.#byBytes.get(hashOf(bytes, start, length));
    while (entry !== undefined && !(entry.bytes.length === length && areEqual(entry.bytes, bytes, start)))
      entry = entry.next;
    return entry;
  }

  values(): Iterable<RouteEntry> {
    return this.#entries.values();
  }

  /** Changes what an entry wants. */
  want(entry: RouteEntry, desired: RouteEntry['desired']): void {
    const before = entry.desired.nexthops;
    entry.desired = desired;
    if (before === desired.nexthops) return;
    if (before.length > 0) this.#byWanted.remove(entry, before);
    if (desired.nexthops.length > 0) this.#byWanted.add(entry, desired.nexthops);
  }

  /** Changes what an entry is believed to hold. */
  record(entry: RouteEntry, programmed: RouteEntry['programmed']): void {
    const before = entry.programmed?.nexthops;
    this.#countProgrammed(entry.programmed, programmed);
    entry.programmed = programmed;
    if (before === programmed?.nexthops) return;
    if (before !== undefined) this.#byProgrammed.remove(entry, before);
    if (programmed !== undefined) this.#byProgrammed.add(entry, programmed.nexthops);
  }

  /** How many entries are believed to be held by the kernel. */
  get programmed(): number {
    return this.#programmed;
  }

  /** How often our belief changed between "the kernel holds it" and "it does not". */
  get turnover(): number {
    return this.#turnover;
  }

  /** Entries that want an interface of this name. */
  wanting(name: string): RouteEntry[] {
    return this.#byWanted.through(name);
  }

  /** Entries that are programmed through the interface of this number. */
  through(index: number): RouteEntry[] {
    return this.#byProgrammed.through(index);
  }

  #countProgrammed(before: RouteEntry['programmed'], after: RouteEntry['programmed']): void {
    const gain = (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    this.#programmed += gain;
    if (gain !== 0) this.#turnover++;
  }
}

/** FNV-1a, kept within 30 bits, which need no heap. */
export function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash & 0x3fffffff;
}

function areEqual(whole: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < whole.length; at++) if (whole[at] !== bytes[start + at]) return false;
  return true;
}
