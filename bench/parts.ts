/** Every part of the benchmark, in the order of a run. */
import { churn } from './churn/churn.ts';
import { latency } from './latency/latency.ts';
import { memory } from './memory/memory.ts';
import type { Part } from './part.ts';
import { audit } from './workloads/audit.ts';
import { bothFamilies } from './workloads/both-families.ts';
import { eventLoop } from './workloads/event-loop.ts';
import { flip } from './workloads/flip.ts';
import { idlePass } from './workloads/idle-pass.ts';
import { leave } from './workloads/leave.ts';
import { oneRoute } from './workloads/one-route.ts';
import { reconcile } from './workloads/reconcile.ts';
import { routes } from './workloads/routes.ts';

export const parts: readonly Part[] = [
  routes,
  oneRoute,
  bothFamilies,
  reconcile,
  flip,
  leave,
  idlePass,
  audit,
  eventLoop,
  latency,
  churn,
  memory,
];
