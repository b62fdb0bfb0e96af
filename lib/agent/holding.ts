/** Holds pods whose condition Ready is False not by their own word, as long as their node object allows. */
import { DesiredTable } from '../desired/desired-table.ts';
import { Holds } from '../desired/holds.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { AgentContext } from './context.ts';
import type { AnycastReconciler } from './reconciler.ts';
import type { Sources } from './sources.ts';

/** How log, metrics and `/status` call it. */
export const heldWords = "held: not the pod's word";

/** The table of desired routes. */
export function openDesired(
  { config, log }: AgentContext,
  { cluster, node }: Sources,
  metrics: Metrics,
): DesiredTable {
  const policy = { ...config.drain, byWeight: config.routes.nexthops === 'resilient' };
  // Without Kubernetes nobody but the pod's own side writes its condition.
  const longestMs = node === undefined ? 0 : config.drain.nodeRecoveryMs;
  const holds = new Holds(longestMs, (pod, isHeld) =>
    log.info({ pod }, isHeld ? heldWords : 'no longer held: its condition Ready counts'),
  );
  metrics.watchHeldPods(() => holds.size);
  return new DesiredTable(cluster?.drainPolicy(policy) ?? policy, holds);
}

export function followNodeReady(
  { clock }: AgentContext,
  { node }: Sources,
  { holds }: DesiredTable,
  reconciler: AnycastReconciler,
): void {
  if (node === undefined) return;
  const take = () => {
    holds.setNodeReady(node.ready, clock.now());
    reconciler.trigger();
  };
  node.onChange(take);
  take();
}
