import type { Results } from '../results.ts';
export function printSummary(r: Results): void {
  for (const f of r.figures) console.log(f.name, f.value, f.unit);
  for (const x of r.rows)
    if (x.work !== 'routes')
      console.log(
        x.work,
        x.peer,
        x.family,
        x.nexthops,
        x.destinations,
        x.op,
        x.medianUsPerRoute.toFixed(2),
        x.ratioToFloor?.toFixed(2),
      );
}
