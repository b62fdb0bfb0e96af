/** Drains this node while its node config or its Kubernetes node object requires that. */
import type { AnycastReconciler } from './reconciler.ts';
import type { Sources } from './sources.ts';

/** Withdraws everything while the node drains; the routes still forward. */
export function followDraining({ nodeConfig, node }: Sources, reconciler: AnycastReconciler): void {
  const decide = () => {
    const draining = nodeConfig.snapshot()?.node.draining || node?.draining;
    reconciler.withdrawEverything(draining ? Number.POSITIVE_INFINITY : undefined);
  };
  nodeConfig.onChange(decide);
  node?.onChange(decide);
  decide();
}
