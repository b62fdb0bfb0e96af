/** Every part of the bench, in the order of a run. */
import { churn } from './churn/churn.ts';
import { latency } from './latency/latency.ts';
import { memory } from './memory/memory.ts';
import type { Part } from './part.ts';
import { audit } from './work/audit.ts';
import { bothFamilies } from './work/both-families.ts';
import { eventLoop } from './work/event-loop.ts';
import { flip } from './work/flip.ts';
import { idlePass } from './work/idle-pass.ts';
import { leave } from './work/leave.ts';
import { oneRoute } from './work/one-route.ts';
import { reconcile } from './work/reconcile.ts';
import { routes } from './work/routes.ts';

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
