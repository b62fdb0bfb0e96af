/** What is withdrawn although pods serve it: everything while the node drains, a family that it does not forward. */
import { type Destination, type Family, familyOf } from '../base/address.ts';
import { type DesiredTarget, withdrawn } from '../desired/desired-table.ts';

export class Withdrawals {
  /** When withdrawn routes are removed, in milliseconds of the clock; infinity for never; undefined: not withdrawn. */
  #everythingUntil: number | undefined;
  #families: ReadonlySet<Family> = new Set();

  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  setEverything(until: number | undefined): void {
    if (until === this.#everythingUntil) return;
    this.#everythingUntil = until;
    this.#onChange();
  }

  setFamilies(families: ReadonlySet<Family>): void {
    this.#families = families;
    this.#onChange();
  }

  /** What is wanted of the kernel for a destination that pods serve or drain. */
  applyTo(destination: Destination, target: DesiredTarget): DesiredTarget {
    const until =
      this.#everythingUntil ??
      (this.#families.has(familyOf(destination)) ? Number.POSITIVE_INFINITY : undefined);
    return until === undefined ? target : withdrawn(target, until);
  }
}
