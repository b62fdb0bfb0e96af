import type { Goal, Results } from './results.ts';
export function evaluate(_: Results): Goal[] {
  return [];
}
