/**
 * Interfaces by name, kept current by link events, so that programming a route looks nothing up.
 *
 * Desired state names interfaces; the kernel numbers them. The same name can come back with another number, which is
 * another interface: destinations that use the name have to be looked at again.
 */
import type { Link } from './route-socket.ts';

/** `IFF_UP`, netdevice(7). */
const up = 0x1;

/** Whether an interface is set up, with or without carrier. */
export function isUp({ flags }: Pick<Link, 'flags'>): boolean {
  return (flags & up) !== 0;
}

/** The interfaces of one network namespace, as reported to `replace` and `update`. */
export class LinkTable {
  readonly #byName = new Map<string, Link>();
  readonly #byIndex = new Map<number, Link>();
  #revision = 0;

  /** Changes whenever the number or usability of a name does. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes a full list in. @returns names whose number or usability changed, the gone ones included */
  replace(links: Iterable<Link>): Set<string> {
    const present = new Map([...links].map(link => [link.index, link]));
    const changes = [...this.#byIndex.values()]
      .filter(({ index }) => !present.has(index))
      .map(link => ({ ...link, gone: true }));
    return this.update([...changes, ...[...present.values()].map(link => ({ ...link, gone: false }))]);
  }

  /** Takes events in, in their order. @returns names whose number or usability changed, the gone ones included */
  update(changes: Iterable<Link & { gone: boolean }>): Set<string> {
    const touched = new Set<string>();
    for (const { name, index, flags, gone } of changes) {
      const known = this.#byIndex.get(index);
      if (known !== undefined && (gone || known.name !== name)) {
        this.#byIndex.delete(index);
        if (this.#byName.get(known.name)?.index === index) this.#byName.delete(known.name);
        touched.add(known.name);
      }
      if (gone) continue;
      const link = { name, index, flags };
      const namesake = this.#byName.get(name);
      if (namesake !== undefined && namesake.index !== index) this.#byIndex.delete(namesake.index);
      if (namesake?.index !== index || isUp(namesake) !== isUp(link)) touched.add(name);
      this.#byName.set(name, link);
      this.#byIndex.set(index, link);
    }
    if (touched.size > 0) this.#revision++;
    return touched;
  }

  /** The number of an interface that exists and is up; undefined otherwise. */
  usableIndex(name: string): number | undefined {
    const link = this.#byName.get(name);
    return link !== undefined && isUp(link) ? link.index : undefined;
  }

  /** Whether the interface of this number exists and is up. */
  isUsable(index: number): boolean {
    const link = this.#byIndex.get(index);
    return link !== undefined && isUp(link);
  }

  /** The name of an interface, or `#NUMBER` when it is not known. */
  nameOf(index: number): string {
    return this.#byIndex.get(index)?.name ?? `#${index}`;
  }
}
