/** Gathers what the rounds measure and makes rows of it. */
import type { Row } from '../results.ts';
import { median, ratios, summary } from '../statistics.ts';

type Named = Pick<Row, 'work' | 'family' | 'nexthops' | 'destinations' | 'listens'>;

export class Samples {
  readonly #microseconds = new Map<string, { peer: string; op: string; values: number[] }>();

  /** @param microseconds for the whole, in this round */
  add(peer: string, op: string, microseconds: number): void {
    const key = `${peer} ${op}`;
    const known = this.#microseconds.get(key) ?? { peer, op, values: [] };
    known.values.push(microseconds);
    this.#microseconds.set(key, known);
  }

  /** A row a peer and operation; ratios are to the peer `floor` in the same operation and round. */
  rows(named: Named): Row[] {
    return [...this.#microseconds.values()].map(({ peer, op, values }) => {
      const floor = this.#microseconds.get(`floor ${op}`)?.values;
      const { median: middle, low, high, samples } = summary(values.map(value => value / named.destinations));
      return {
        ...named,
        peer,
        op,
        medianUsPerRoute: middle,
        spread: [low, high],
        rounds: samples,
        ratioToFloor: floor === undefined ? null : median(ratios(values, floor)),
      };
    });
  }
}
