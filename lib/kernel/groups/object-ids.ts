/**
 * Ids of our nexthop objects: a range that our protocol number gives, so that two configurations do not share
 * one. Ids of it that other owners use are skipped.
 */
const perProtocol = 2 ** 24;

export class ObjectIds {
  readonly #first: number;
  readonly #last: number;
  readonly #taken = new Set<number>();
  #next: number;

  /** @param protocol route protocol number, 1 to 255 */
  constructor(protocol: number) {
    this.#first = protocol * perProtocol + 1;
    this.#last = (protocol + 1) * perProtocol - 1;
    this.#next = this.#first;
  }

  /** Whether an id is of our range. */
  contains(id: number): boolean {
    return id >= this.#first && id <= this.#last;
  }

  /** An id that is free, as far as we know; a released one is not used again before the others. */
  take(): number {
    while (this.#taken.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#taken.add(id);
    this.#advance();
    return id;
  }

  /** This id is in use, by us or by another owner. */
  reserve(id: number): void {
    this.#taken.add(id);
  }

  release(id: number): void {
    this.#taken.delete(id);
  }

  #advance(): void {
    this.#next = this.#next === this.#last ? this.#first : this.#next + 1;
  }
}
