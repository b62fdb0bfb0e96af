/** Collects the measurements of the rounds and makes rows of them. */
import type { Row } from '../results.ts';
import { median, ratios, summary } from '../statistics.ts';

type Named = Pick<Row, 'work' | 'family' | 'nexthops' | 'destinations' | 'listens'>;

interface Series {
  peer: string;
  op: string;
  destinations: number | undefined;
  /** Microseconds for all destinations, one value per round. */
  values: number[];
}

export class Samples {
  readonly #microseconds = new Map<string, Series>();

  /**
   * @param microseconds for the whole, in this round
   * @param destinations of this peer, where it has fewer than all
   */
  add(peer: string, op: string, microseconds: number, destinations?: number): void {
    const key = `${peer} ${op}`;
    const known = this.#microseconds.get(key) ?? { peer, op, destinations, values: [] };
    known.values.push(microseconds);
    this.#microseconds.set(key, known);
  }

  /** One row per peer and operation; ratios are per route, to the peer `floor` in the same operation and round. */
  rows(named: Named): Row[] {
    const perRoute = ({ values, destinations = named.destinations }: Series) =>
      values.map(value => value / destinations);
    return [...this.#microseconds.values()].map(series => {
      const { peer, op, destinations = named.destinations } = series;
      const floor = this.#microseconds.get(`floor ${op}`);
      const values = perRoute(series);
      const { median: middle, low, high, samples } = summary(values);
      return {
        ...named,
        destinations,
        peer,
        op,
        medianUsPerRoute: middle,
        spread: [low, high],
        rounds: samples,
        ratioToFloor: floor === undefined ? null : median(ratios(values, perRoute(floor))),
      };
    });
  }
}
