import type { Results } from '../results.ts';
export function renderReport(r: Results): string {
  return JSON.stringify(r);
}
