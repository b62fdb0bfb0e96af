/** Where to find destinations: by name, by the interface they want, by the interface they are programmed through. */
import type { Destination } from '../address.ts';
import { interfacesOf } from './nexthops.ts';
import { newEntry, type RouteEntry } from './route-entry.ts';

export class RouteIndex {
  readonly #entries = new Map<Destination, RouteEntry>();
  readonly #byWanted = new Map<string, Set<RouteEntry>>();
  readonly #byProgrammed = new Map<number, Set<RouteEntry>>();

  get(destination: Destination): RouteEntry | undefined {
    return this.#entries.get(destination);
  }

  /** The entry of a destination, made where there is none. */
  ensure(destination: Destination): RouteEntry {
    let entry = this.#entries.get(destination);
    if (entry === undefined) {
      entry = newEntry(destination);
      this.#entries.set(destination, entry);
    }
    return entry;
  }

  forget({ destination }: RouteEntry): void {
    this.#entries.delete(destination);
  }

  values(): Iterable<RouteEntry> {
    return this.#entries.values();
  }

  /** Changes what an entry wants. */
  want(entry: RouteEntry, desired: RouteEntry['desired']): void {
    for (const { interface: name } of entry.desired.nexthops) remove(this.#byWanted, name, entry);
    entry.desired = desired;
    for (const { interface: name } of desired.nexthops) add(this.#byWanted, name, entry);
  }

  /** Changes what an entry is believed to hold. */
  program(entry: RouteEntry, programmed: RouteEntry['programmed']): void {
    for (const index of interfacesOf(entry.programmed?.nexthops)) remove(this.#byProgrammed, index, entry);
    entry.programmed = programmed;
    for (const index of interfacesOf(programmed?.nexthops)) add(this.#byProgrammed, index, entry);
  }

  /** Entries that want an interface of this name. */
  wanting(name: string): Iterable<RouteEntry> {
    return this.#byWanted.get(name) ?? [];
  }

  /** Entries that are programmed through the interface of this number. */
  through(index: number): RouteEntry[] {
    return [...(this.#byProgrammed.get(index) ?? [])];
  }
}

function add<Key>(map: Map<Key, Set<RouteEntry>>, key: Key, entry: RouteEntry): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([entry]));
  else set.add(entry);
}

function remove<Key>(map: Map<Key, Set<RouteEntry>>, key: Key, entry: RouteEntry): void {
  const set = map.get(key);
  set?.delete(entry);
  if (set?.size === 0) map.delete(key);
}
