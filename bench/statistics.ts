/** Medians, percentiles and spread. Pure. */

export interface Summary {
  median: number;
  low: number;
  high: number;
  samples: number;
}

/** @throws RangeError for an empty list */
export function summary(values: readonly number[]): Summary {
  const sorted = ascending(values);
  return {
    median: median(sorted),
    low: sorted[0] as number,
    high: sorted[sorted.length - 1] as number,
    samples: sorted.length,
  };
}

export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** The smallest value that `percent` per cent of all do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = ascending(values);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] as number;
}

/** Ratios of pairs: a disturbance that affects both values of a pair changes their ratio little. */
export function ratios(values: readonly number[], of: readonly number[]): number[] {
  return values.slice(0, of.length).map((value, index) => value / (of[index] as number));
}

function ascending(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('nothing to summarize');
  return [...values].sort((left, right) => left - right);
}
