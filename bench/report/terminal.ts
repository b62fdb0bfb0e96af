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
export function tmp(r: Results) {
  for (const l of r.latency)
    console.log(
      l.mode,
      l.source,
      l.stage,
      l.destinations,
      l.samples,
      l.p50.toFixed(0),
      l.p99.toFixed(0),
      l.max.toFixed(0),
    );
  console.log(r.idle);
  console.log(r.churn);
}
